"""A host's own VRM on the stage: of another version and size, with fewer expressions, or broken."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.avatar import build_avatar
from tests.browser.vrm0 import as_vrm0

pytestmark = pytest.mark.browser

SIZE = 0.7
BONES = ("head", "leftHand", "rightHand", "leftFoot", "rightFoot")
LIFTED = {
    "leftUpperArm": (0.0, -0.5, 0.0, 0.866),  # forwards
    "rightUpperArm": (0.0, 0.0, -0.5, 0.866),  # up
    "leftUpperLeg": (-0.4, 0.0, 0.0, 0.917),
}


def places(page: Any, server: Any) -> Any:
    """(bones, 3): where her bones are in a pose that is not the same from front and back."""
    server.pose(LIFTED, seconds=30)
    page.wait_for_function("window.__stage.streamShare === 1")
    return np.array([page.evaluate(f"window.__stage.place('{bone}')") for bone in BONES])


def test_a_vrm_0_of_another_size_moves_and_looks_as_one_of_version_1(
    open_stage: Callable[..., Any], server: Any, tmp_path: Path
) -> None:
    page = open_stage()
    ours = places(page, server)
    file = tmp_path / "old.vrm"
    file.write_bytes(as_vrm0(build_avatar(), SIZE))
    server.show_avatar("old", file)
    page = open_stage()
    assert np.abs(places(page, server) - SIZE * ours).max() < 0.03
    server.face({"jawOpen": 0.8, "eyeBlinkLeft": 1.0})
    page.wait_for_function("window.__stage.expression('aa') > 0.7")
    page.wait_for_function("window.__stage.expression('blinkLeft') > 0.9")
    assert page.evaluate("window.__stage.expression('blinkRight')") == 0
    assert page.errors == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no model", "cannot be read"),
        (b"glTF\2\0\0\0\x14\0\0\0\0\0\0\0JSON", "cannot be read"),
        (None, "answered 404"),
    ],
)
def test_an_avatar_that_cannot_be_shown_is_told_in_a_sentence(
    open_stage: Callable[..., Any],
    server: Any,
    tmp_path: Path,
    content: bytes | None,
    sentence: str,
) -> None:
    file = tmp_path / "broken.vrm"
    file.write_bytes(content or b"")
    server.show_avatar("broken", file)
    if content is None:
        server.avatar_url = "/avatars/gone.vrm"
    page = open_stage(wait_for_her=False)
    page.wait_for_function(f"document.getElementById('notice').textContent.includes('{sentence}')")
    assert "VRM" in page.inner_text("#notice")
    server.event(type="idol.utterance.started", pts_us=0, text="Stars!", utterance_id="u")
    page.wait_for_function("document.getElementById('subtitle').textContent === 'Stars!'")
    assert page.errors == []
