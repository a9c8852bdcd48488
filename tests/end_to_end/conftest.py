from collections.abc import Iterator
from typing import Any

import pytest

from tests.serving import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One that plays sound before anybody has clicked."""
    with chromium("--autoplay-policy=no-user-gesture-required") as browser:
        yield browser
