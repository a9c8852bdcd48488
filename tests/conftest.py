"""What all tests share."""

import os
import subprocess
import sys
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

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
    command = [sys.executable, "-m", "idol_runtime", "serve", "--port", "0"]
    log = tmp_path_factory.mktemp("served") / "stderr.txt"
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            ready = next((line for line in process.stdout if "http://" in line), None)
            assert ready, log.read_text()
            yield ready.split("http://")[1].strip().rstrip("/")
        finally:
            process.terminate()
            status = process.wait(30)
        assert status == 0, log.read_text()
