"""Talking on the stage page: over her, stopping her, loading it again, the overlay beside."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from idol_runtime.character import DEFAULT_CHARACTER
from tests.serving import serving

pytestmark = [pytest.mark.models, pytest.mark.browser]

STORY = " ".join(
    f"Star number {number} fell into the sea, and it sank for a long, long time."
    for number in range(1, 13)
)
"""Half a minute of it: she is still telling it when a page has been loaded again."""
LOG = (
    "[...document.querySelectorAll('#log p')].map((p) => [p.className.split(' ')[0], p.innerText])"
)
NOTE = "window.notes = []; new MutationObserver(() => window.notes.push(notice.innerText))"
WATCH_NOTICE = f"{NOTE}.observe(notice, {{childList: true, characterData: true, subtree: true}})"
"""Keeps all that the page complains of."""
DRAW_NOTHING = """
addEventListener('load', function stop() {
  if (window.__stage?.ready) window.__stage.draw(false);
  else setTimeout(stop, 50);
});
"""
AUDIBLE = "window.__stage.isAudible"


@pytest.fixture(scope="module")
def teller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of Hoshi, who greets with a story."""
    folder = tmp_path_factory.mktemp("house")
    hoshi = folder / "hoshi"
    shutil.copytree(DEFAULT_CHARACTER, hoshi)
    text = (hoshi / "character.toml").read_text(encoding="utf-8")
    lines = [
        f'greeting = "{STORY}"' if each.startswith("greeting") else each
        for each in text.splitlines()
    ]
    (hoshi / "character.toml").write_text("\n".join(lines), encoding="utf-8")
    with serving(folder, "--port", "0", "--character", str(hoshi)) as server:
        yield server.address
    assert "Star number" not in server.log.read_text()


@pytest.fixture
def open_page(browser: Any, teller: str) -> Iterator[Callable[..., Any]]:
    """Opens the stage page in tabs of one window of its own."""
    # Nothing is looked at here: what is not drawn leaves the machine to her.
    context = browser.new_context(viewport={"width": 320, "height": 320}, reduced_motion="reduce")
    context.add_init_script(DRAW_NOTHING)

    def open_one(query: str = "") -> Any:
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(f"http://{teller}/{query}")
        page.wait_for_function("window.__stage?.ready && window.__stage.counts.face > 5")
        page.evaluate(WATCH_NOTICE)
        return page

    yield open_one
    context.close()


def say(page: Any, text: str) -> None:
    page.fill("#text", text)
    page.press("#text", "Enter")


def tell(page: Any) -> None:
    """Waits until she is heard telling her story."""
    page.evaluate("window.__stage.send({type: 'response.create'})")
    page.wait_for_function(f"{AUDIBLE} && window.__stage.status === 'speak'")


def log(page: Any) -> list[list[str]]:
    lines: list[list[str]] = page.evaluate(LOG)
    return lines


def until_answered(page: Any, count: int) -> None:
    """Waits until the log has so many lines and she is silent again."""
    page.wait_for_function(f"{LOG}.length >= {count} && !window.__stage.isAnswering")


def test_talking_over_her_stops_her_at_once_and_is_answered(open_page: Callable[..., Any]) -> None:
    page = open_page()
    tell(page)
    say(page, "Wait! Do you like the sea?")
    assert not page.evaluate(AUDIBLE)
    page.wait_for_function(AUDIBLE)
    until_answered(page, 2)
    lines = [(who, text) for who, text in log(page) if not STORY.startswith(text)]
    assert [who for who, _ in lines] == ["user", "character"]
    assert STORY not in [text for _, text in log(page)]
    assert page.evaluate("window.notes") == []


def test_of_several_in_quick_succession_the_last_is_answered_and_none_is_lost(
    open_page: Callable[..., Any],
) -> None:
    page = open_page()
    tell(page)
    asked = ["Wait!", "No, listen.", "What is your name?"]
    for text in asked:
        say(page, text)
    page.wait_for_function(f"{AUDIBLE} && {LOG}.at(-1)[0] === 'character'")
    page.wait_for_function("!window.__stage.isAnswering")
    assert [text for who, text in log(page) if who == "user"] == asked
    assert log(page)[-1][0] == "character"
    assert page.evaluate("window.notes") == []


@pytest.mark.parametrize("how", ["Escape", "#stop"])
def test_she_can_be_stopped_and_the_log_keeps_what_was_heard(
    open_page: Callable[..., Any], how: str
) -> None:
    page = open_page()
    tell(page)
    page.wait_for_function("document.getElementById('subtitle').textContent !== ''")
    if how == "Escape":
        page.press("body", "Escape")
    else:
        page.click(how)
    assert not page.evaluate(AUDIBLE)
    page.wait_for_function("window.__stage.status === 'idle' && !window.__stage.isAnswering")
    page.wait_for_function(f"{LOG}.length === 0 || document.querySelector('#log .cut') !== null")
    assert all(STORY.startswith(text) and text != STORY for _, text in log(page))
    assert not page.evaluate(AUDIBLE)
    say(page, "What is your name?")
    page.wait_for_function(AUDIBLE)
    assert page.evaluate("window.notes") == []


def test_a_page_that_is_loaded_again_in_mid_turn_goes_on_with_its_log(
    open_page: Callable[..., Any],
) -> None:
    page = open_page()
    tell(page)
    [[_, before]] = log(page)
    page.reload()
    page.wait_for_function("window.__stage?.ready && window.__stage.isAnswering")
    [[who, after]] = log(page)
    assert who == "character"
    assert after.startswith(before)
    page.wait_for_function(f"{AUDIBLE} && window.__stage.status === 'speak'")
    say(page, "My name is Ann.")
    page.wait_for_function(f"{LOG}.length === 3 && {AUDIBLE}")
    page.reload()
    page.wait_for_function("window.__stage?.ready && window.__stage.connected")
    assert [each for each, _ in log(page)] == ["character", "user", "character"]
    until_answered(page, 3)
    say(page, "What is my name?")
    page.wait_for_function(AUDIBLE)
    assert [who for who, _ in log(page)].count("divider") == 0


def test_the_overlay_sees_and_hears_her_and_moves_over_when_a_session_begins(
    open_page: Callable[..., Any],
) -> None:
    overlay = open_page("?overlay&subtitles")
    page = open_page()
    tell(page)
    overlay.bring_to_front()
    overlay.wait_for_function(f"{AUDIBLE} && window.__stage.status === 'speak'")
    overlay.wait_for_function("window.__stage.weights.jawOpen > 0.05")
    overlay.wait_for_function("document.getElementById('subtitle').textContent !== ''")
    page.bring_to_front()
    page.press("body", "Escape")
    overlay.bring_to_front()
    overlay.wait_for_function(f"!{AUDIBLE}")
    page.close()
    later = open_page()
    tell(later)
    overlay.bring_to_front()
    overlay.wait_for_function(AUDIBLE)
