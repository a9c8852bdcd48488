"""What all tests share."""

import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from tests.serving import serving

# A property is about behaviour; how long an example takes on a busy machine is not.
settings.register_profile("idol", deadline=None)
settings.load_profile("idol")

MAY_BE_ABSENT = (
    "CUDA",
    "the real captures",
    "mounting needs root",
    "mount a tmpfs",
    "systemd is not installed",
)
"""What a build machine need not have. Anything else that is missing there fails the tests."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr)
        if not any(each in reason for each in MAY_BE_ABSENT):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: skipped, but in CI nothing may be missing: {reason}"
    return report


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of `idol serve` with the real models, as a stranger starts it."""
    with serving(tmp_path_factory.mktemp("served"), "--port", "0") as server:
        yield server.address
