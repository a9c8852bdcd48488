"""The stage page on the real server and the real models: she answers, and her mouth moves."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from matplotlib import image

pytestmark = [pytest.mark.models, pytest.mark.browser]

MOUTH = (slice(165, 250), slice(120, 200))
"""Rows and columns of the mouth with the camera of `FACE_VIEW` in a 320 x 320 window."""
FACE_VIEW = [0.42, 1.43]
HAIR = (slice(60, 300), slice(0, 22))
"""A lock beside the face, which must not change with it; above it, brows move."""
SHOTS = 4
SILENT_SHOTS = 6
HOLD_OPEN_MOUTH = """
(window.__stage.weights.jawOpen > 0.25 &&
 (window.__stage.hold(true), window.__stage.paint(), true))
"""
QUESTIONS = (
    "Tell me a story about a star that fell into the sea.",
    "What is the best part of a big concert?",
    "Who are you, and what do you like?",
)


@pytest.fixture(scope="module")
def page(browser: Any, served: str) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 320, "height": 320}, reduced_motion="reduce")
    page.set_default_timeout(120_000)
    page.goto(f"http://{served}/?timing")
    page.wait_for_function("window.__stage?.ready && window.__stage.counts.face > 30")
    page.evaluate("([d, h]) => window.__stage.view(d, h)", FACE_VIEW)
    page.evaluate("window.__stage.still(true)")
    page.add_style_tag(content="header, .backdrop, .curtain { display: none } main { opacity: 0 }")
    yield page
    page.close()


def shot(page: Any) -> np.ndarray:
    """The page, (320, 320, 3) in [0, 1], with all but the face standing still."""
    pixels: np.ndarray = image.imread(io.BytesIO(page.screenshot()))[..., :3]
    return pixels


def ask(page: Any, question: str) -> None:
    page.fill("#text", question)
    page.press("#text", "Enter")


def open_mouths(page: Any) -> np.ndarray:
    """Pictures of an open mouth, each held until it is taken.

    A busy machine draws so seldom that a whole answer may pass between two pictures. So nothing is
    drawn but what is held, and questions are asked until there are enough.
    """
    taken: list[np.ndarray] = []
    page.evaluate("window.__stage.draw(false)")
    for question in QUESTIONS * 4:
        ask(page, question)
        while len(taken) < SHOTS:
            page.wait_for_function(f"{HOLD_OPEN_MOUTH} || !window.__stage.isAnswering")
            if not page.evaluate("window.__stage.held"):
                break
            taken.append(shot(page))
            page.evaluate("window.__stage.hold(false)")
        if len(taken) == SHOTS:
            break
    assert taken
    return np.stack(taken)


def changes(pictures: np.ndarray, rest: np.ndarray, where: tuple[slice, slice]) -> np.ndarray:
    """Mean difference from the face at rest in a part of each picture."""
    return np.asarray(np.abs(pictures - rest)[(slice(None), *where)].mean(axis=(1, 2, 3)))


def openings(pictures: np.ndarray) -> np.ndarray:
    """Share of each picture's mouth that is as dark as what lies behind lips.

    In silence she may smile, and the slower a machine takes its pictures the more she does; only an
    open mouth is dark.
    """
    brightness = pictures[(slice(None), *MOUTH)].mean(axis=-1)
    return np.asarray((brightness < 0.5).mean(axis=(1, 2)))


def test_her_mouth_moves_while_she_speaks_and_not_in_silence(page: Any) -> None:
    silent = np.stack([shot(page) for _ in range(SILENT_SHOTS)])
    rest = np.median(silent, axis=0)
    speaking = open_mouths(page)
    assert openings(speaking).max() > 3 * openings(silent).max()
    mouth = changes(speaking, rest, MOUTH)
    assert mouth.max() > 3 * changes(speaking, rest, HAIR).max()
    assert page.inner_text("#subtitle").strip()
    assert page.evaluate("window.__stage.counts.lost") == 0
    assert page.evaluate("window.__stage.counts.pose") > 30


def test_the_page_tells_how_long_the_first_sound_took(page: Any) -> None:
    page.wait_for_function("document.getElementById('latency').textContent.includes('server')")
    assert "first sound" in page.inner_text("#latency")
