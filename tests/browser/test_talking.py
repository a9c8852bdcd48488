"""What the stage page does with words: over hers, without a connection, in the overlay."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser

FACE_BOTTOM = 0.5
"""Share of the page's height above which her face is, in the picture a page begins with."""


def say(page: Any, text: str) -> None:
    page.fill("#text", text)
    page.press("#text", "Enter")


def kinds(server: Any) -> list[str]:
    """What the page asked for, clocks and reports of playback apart."""
    told = [event["type"] for event in server.received]
    return [kind for kind in told if kind.startswith(("conversation", "response"))]


def begin_answer(page: Any, server: Any) -> None:
    """She is in the middle of an answer, and heard."""
    server.event(type="response.created", response={"id": "r1"})
    server.event(type="response.output_item.added", response_id="r1", item={"id": "i1"})
    server.event(
        type="response.output_audio_transcript.delta",
        response_id="r1",
        item_id="i1",
        delta="Once upon a time. There was a star.",
    )
    start_us = server.now_us + 200_000
    about = {"response_id": "r1", "item_id": "i1", "utterance_id": "u1", "pts_us": start_us}
    server.event(type="idol.utterance.started", text="Once upon a time.", **about)
    server.sound(20.0)
    page.wait_for_function("window.__stage.isAudible")


def test_talking_over_her_silences_her_and_says_what_was_heard(
    open_stage: Callable[..., Any], server: Any
) -> None:
    page = open_stage()
    page.click("#sound")
    page.wait_for_function("window.__stage.audioState === 'running'")
    begin_answer(page, server)
    page.wait_for_function("document.getElementById('subtitle').textContent !== ''")
    say(page, "Wait!")
    assert not page.evaluate("window.__stage.isAudible")
    assert page.input_value("#text") == ""
    page.wait_for_function("document.getElementById('subtitle').textContent === ''")
    assert kinds(server)[-5:] == [
        "response.cancel",
        "conversation.item.truncate",
        "conversation.item.retrieve",
        "conversation.item.create",
        "response.create",
    ]
    [cut] = server.sent("conversation.item.truncate")
    assert cut["item_id"] == "i1"
    assert 0 <= cut["audio_end_ms"] < 20_000
    server.sound(1.0)  # what was on its way is not heard
    page.wait_for_function("window.__stage.counts.audio >= 630")
    assert not page.evaluate("window.__stage.isAudible")
    part = {"type": "output_audio", "transcript": "Once upon"}
    server.event(type="conversation.item.retrieved", item={"id": "i1", "content": [part]})
    page.wait_for_function("document.querySelector('#log .cut')?.textContent === 'Once upon'")
    assert page.inner_text("#notice") == ""


def test_escape_and_the_stop_button_are_there_while_she_speaks_and_stop_her(
    open_stage: Callable[..., Any], server: Any
) -> None:
    page = open_stage()
    page.click("#sound")
    page.wait_for_function("window.__stage.audioState === 'running'")
    for how in ("Escape", "#stop"):
        server.event(type="response.done", response={"id": "r0", "status": "completed"})
        begin_answer(page, server)
        page.wait_for_selector("#stop", state="visible")
        server.received.clear()
        if how == "Escape":
            page.press("#text", how)
        else:
            page.click(how)
        assert not page.evaluate("window.__stage.isAudible")
        page.wait_for_selector("#stop", state="hidden")
        assert kinds(server)[0] == "response.cancel"
        server.event(type="idol.playback.cut", response_id="r1", pts_us=server.now_us)
    page.fill("#text", "half a thought")
    page.press("#text", "Escape")
    assert page.input_value("#text") == "half a thought"


def test_words_that_cannot_be_sent_stay_in_the_box(
    open_stage: Callable[..., Any], server: Any
) -> None:
    page = open_stage()
    server.drop()
    page.wait_for_function("!window.__stage.connected")
    say(page, "Are you there?")
    assert page.input_value("#text") == "Are you there?"
    page.wait_for_function("document.getElementById('notice').textContent.includes('not sent')")
    page.wait_for_function("window.__stage.connected")
    page.press("#text", "Enter")
    page.wait_for_function("document.getElementById('text').value === ''")
    assert page.inner_text("#log .user") == "Are you there?"
    item = server.sent("conversation.item.create")[0]["item"]
    error = {"code": "conversation_full", "message": "It is full.", "event_id": "say:" + item["id"]}
    server.event(type="error", error=error)
    page.wait_for_function("document.getElementById('text').value === 'Are you there?'")


@pytest.mark.parametrize(("width", "height"), [(960, 640), (360, 640), (640, 360)])
def test_what_went_wrong_is_told_below_her_face_and_to_those_who_listen(
    open_stage: Callable[..., Any], server: Any, width: int, height: int
) -> None:
    page = open_stage(width=width, height=height)
    message = "The conversation holds as much as it can; delete some of it first, please. " * 2
    server.event(type="error", error={"code": "x", "message": message})
    page.wait_for_function("document.getElementById('notice').textContent !== ''")
    notice = page.locator("#notice")
    assert notice.get_attribute("aria-live") == "assertive"
    box = notice.bounding_box()
    assert box["y"] > FACE_BOTTOM * height
    assert box["y"] + box["height"] <= page.locator("#chat").bounding_box()["y"]
    page.wait_for_function("document.getElementById('notice').textContent === ''")


def test_the_timing_is_shown_to_who_wants_it(open_stage: Callable[..., Any]) -> None:
    page = open_stage()
    assert page.is_hidden("#latency")
    page.click("#settings summary")
    page.check("#timing")
    page.wait_for_function("!document.getElementById('latency').hidden")
    page.reload()
    page.wait_for_function("!document.getElementById('latency').hidden")
    page.click("#settings summary")
    page.uncheck("#timing")
    page.reload()
    page.wait_for_function("window.__stage?.connected")
    assert page.evaluate("document.getElementById('latency').hidden")
    page.goto(page.url + "?timing")
    page.wait_for_function("!document.getElementById('latency').hidden")


def test_the_overlay_draws_her_alone_and_her_words_where_they_are_asked_for(
    open_stage: Callable[..., Any], server: Any
) -> None:
    page = open_stage("?overlay")
    server.event(type="idol.utterance.started", pts_us=0, text="Stars!", utterance_id="u")
    page.wait_for_function("document.getElementById('subtitle').textContent === 'Stars!'")
    assert page.is_hidden("#subtitle")
    server.drop()
    page.wait_for_function("document.getElementById('notice').textContent !== ''")
    for part in ("header", "#notice", "#log", "#chat", "#sound", ".backdrop"):
        assert page.is_hidden(part)
    page.goto(server.url + "?overlay&subtitles")
    page.wait_for_function("window.__stage?.connected && window.__stage.playheadUs !== null")
    server.event(type="idol.utterance.started", pts_us=0, text="Stars!", utterance_id="u")
    page.wait_for_selector("#subtitle", state="visible")


def test_the_overlay_looks_on_and_asks_for_nothing(
    open_stage: Callable[..., Any], server: Any
) -> None:
    page = open_stage("?overlay")
    server.close_with(1012)
    page.wait_for_function("!window.__stage.connected")
    page.wait_for_function("window.__stage.connected && window.__stage.playheadUs !== null")
    page.press("body", "Escape")
    server.face({"jawOpen": 0.5})
    page.wait_for_function("Math.abs(window.__stage.weights.jawOpen - 0.5) < 0.01")
    assert server.addresses == ["/v1/realtime?watch"] * 2
    assert {event["type"] for event in server.received} == {"idol.clock.ping"}


def test_an_overlay_that_may_not_look_on_says_why_where_she_would_stand(
    open_stage: Callable[..., Any], server: Any
) -> None:
    server.avatar_url = None
    page = open_stage("?overlay")
    page.wait_for_function("!document.documentElement.classList.contains('refused')")
    error = {"code": "not_in_audience", "message": "Connect with the host's token."}
    server.event(type="error", error=error)
    page.wait_for_selector("#notice", state="visible")
    assert page.inner_text("#notice") == "Connect with the host's token."


RAISED = {"rightUpperArm": (0.0, 0.0, -0.5, 0.866), "rightLowerArm": (0.0, 0.0, -0.2, 0.98)}
IN_PICTURE = "Math.max(...window.__stage.inPicture('rightHand').map(Math.abs)) < 0.95"


def test_a_raised_arm_and_a_dance_come_into_the_picture_and_she_comes_near_again(
    open_stage: Callable[..., Any], server: Any
) -> None:
    page = open_stage(width=640, height=400)
    near = page.evaluate("window.__stage.cameraDistance")
    server.pose(RAISED, seconds=8)
    page.wait_for_function("window.__stage.streamShare === 1")
    page.wait_for_function(IN_PICTURE)
    assert page.evaluate("window.__stage.cameraDistance") > near + 0.1
    page.wait_for_function(f"Math.abs(window.__stage.cameraDistance - {near}) < 0.1")
    server.event(type="idol.activity", pts_us=0, activity="dance")
    page.wait_for_function("window.__stage.inPicture('leftFoot')[1] > -0.95")
