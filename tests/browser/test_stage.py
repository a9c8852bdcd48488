"""The stage page in Chromium, driven over the binary lane."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import image

from export.avatar import AvatarStyle, build_avatar

pytestmark = pytest.mark.browser

FACE_VIEW = (0.42, 1.43)
"""Distance and height of the camera: the face fills the picture."""
BODY_VIEW = (2.6, 0.9)
KEEP_NOTICES = """() => {
    window.notices = [];
    const keep = () => notice.textContent && window.notices.push(notice.textContent);
    new MutationObserver(keep).observe(notice, {childList: true});
}"""
FRINGE = (slice(0, 45), slice(70, 250))
MOUTH = (slice(165, 250), slice(120, 200))
EYES = (slice(60, 150), slice(50, 270))
CHEEK_AND_NECK = (slice(285, 318), slice(130, 190))


def picture(page: Any, **options: Any) -> Any:
    """RGBA in [0, 1] of what the page shows."""
    return image.imread(io.BytesIO(page.screenshot(**options)))


def hide_panel(page: Any) -> None:
    page.add_style_tag(
        content="header, main, #log, #notice, .backdrop, .curtain { display: none !important }"
    )


def show(page: Any, server: Any, weights: dict[str, float]) -> Any:
    """Holds a face, waits until it is drawn, and looks at it with everything else still."""
    server.face(weights)
    reached = " && ".join(
        f"Math.abs(window.__stage.weights.{name} - {weight}) < 0.01"
        for name, weight in weights.items()
    )
    page.wait_for_function(reached)
    page.evaluate(
        "() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
    )
    return picture(page)


def changed(a: Any, b: Any, where: tuple[slice, slice]) -> float:
    """Share of pixels in a region that differ visibly."""
    return float((np.abs(a[where][..., :3] - b[where][..., :3]).max(axis=-1) > 0.06).mean())


def test_an_open_jaw_changes_the_mouth_and_a_blink_the_eyes_and_little_else(
    open_stage: Callable[..., Any], server: Any
) -> None:
    page = open_stage()
    hide_panel(page)
    page.evaluate("([d, h]) => window.__stage.view(d, h)", list(FACE_VIEW))
    page.evaluate("window.__stage.still(true)")
    rest = show(page, server, {"jawOpen": 0.0, "eyeBlinkLeft": 0.0, "eyeBlinkRight": 0.0})
    jaw = show(page, server, {"jawOpen": 1.0, "eyeBlinkLeft": 0.0, "eyeBlinkRight": 0.0})
    blink = show(page, server, {"jawOpen": 0.0, "eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0})
    assert changed(rest, jaw, MOUTH) > 0.10
    assert changed(rest, jaw, EYES) < 0.02
    assert changed(rest, blink, EYES) > 0.10
    assert changed(rest, blink, MOUTH) < 0.03
    assert page.errors == []


@pytest.mark.parametrize("view", [FACE_VIEW, BODY_VIEW])
def test_nothing_of_her_is_blown_out(
    open_stage: Callable[..., Any], server: Any, view: tuple[float, float]
) -> None:
    page = open_stage("?overlay")
    page.evaluate("([d, h]) => window.__stage.view(d, h)", list(view))
    page.evaluate("window.__stage.still(true)")
    seen = picture(page, omit_background=True)
    her = seen[seen[..., 3] == 1][:, :3]
    assert len(her) > 5_000
    assert (her.min(axis=1) > 253 / 255).mean() < 0.001
    assert (her.min(axis=1) > 0.8).mean() > 0.02  # and white is white


def test_her_brows_show_through_the_fringe(open_stage: Callable[..., Any], server: Any) -> None:
    page = open_stage()
    hide_panel(page)
    page.evaluate("([d, h]) => window.__stage.view(d, h)", list(FACE_VIEW))
    page.evaluate("window.__stage.still(true)")
    brows = {"browInnerUp": 0.0, "browOuterUpLeft": 0.0, "browOuterUpRight": 0.0}
    rest = show(page, server, brows)
    raised = show(page, server, dict.fromkeys(brows, 1.0))
    assert changed(rest, raised, FRINGE) > 0.04


def test_a_weight_sent_over_the_wire_is_applied_to_the_avatar(
    open_stage: Callable[..., Any], server: Any
) -> None:
    page = open_stage()
    server.face({"mouthSmileLeft": 0.75, "browInnerUp": 0.25})
    page.wait_for_function("Math.abs(window.__stage.weights.mouthSmileLeft - 0.75) < 0.001")
    page.wait_for_function("Math.abs(window.__stage.weights.browInnerUp - 0.25) < 0.001")
    assert page.evaluate("window.__stage.counts.face") == 120


def test_the_overlay_shows_her_on_nothing(open_stage: Callable[..., Any], server: Any) -> None:
    page = open_stage("?overlay")
    page.wait_for_function("document.documentElement.classList.contains('ready')")
    seen = picture(page, omit_background=True)
    assert [seen[y, x, 3] for y in (0, -1) for x in (0, -1)] == [0.0] * 4
    assert (seen[..., 3] > 0.9).mean() > 0.05
    assert not page.is_visible("#chat")


def test_the_page_shows_the_avatar_of_the_character_it_asks_for(
    open_stage: Callable[..., Any], server: Any, tmp_path: Path
) -> None:
    page = open_stage()
    assert page.evaluate("window.__stage.avatarName") == "Hoshi"
    file = tmp_path / "akane.vrm"
    file.write_bytes(build_avatar(AvatarStyle(name="Akane", hair="#c0503f", twin_tails=False)))
    server.show_avatar("akane & co", file)
    for query in ("?character=akane%20%26%20co", "?overlay&character=akane%20%26%20co"):
        page.goto(server.url + query)
        page.wait_for_function("window.__stage?.avatarName === 'Akane'")
    akane = "/v1/realtime?model=akane%20%26%20co"
    users = [re.search(r"[?&]user=([0-9a-f]{24})", each) for each in server.addresses]
    assert users[0] is not None
    assert users[1] is not None
    assert users[0][1] == users[1][1]  # the same person, whoever they meet
    asked = [re.sub(r"[?&]user=[0-9a-f]+", "", each) for each in server.addresses]
    assert asked == ["/v1/realtime", akane, akane + "&watch"]


def test_a_character_without_an_avatar_is_told_in_the_panel_and_still_answers(
    open_stage: Callable[..., Any], server: Any
) -> None:
    server.avatar_url = None
    page = open_stage()
    page.wait_for_function("document.documentElement.classList.contains('ready')")
    assert "Hoshi has no avatar to show" in page.inner_text("#notice")
    assert page.evaluate("window.__stage.avatarName") is None
    server.face({"jawOpen": 1.0})
    server.event(type="idol.gesture", gesture="point", pts_us=0, duration_us=1, stroke_pts_us=0)
    server.event(type="idol.utterance.started", pts_us=0, text="Stars!", utterance_id="u")
    page.wait_for_function("document.getElementById('subtitle').textContent === 'Stars!'")
    assert page.errors == []


def test_the_page_says_that_the_connection_is_lost_and_comes_back(
    open_stage: Callable[..., Any], server: Any
) -> None:
    page = open_stage()
    page.evaluate(KEEP_NOTICES)  # it may be back before a slow page draws again
    server.drop()
    page.wait_for_function("window.notices.length > 0")
    assert "connection to the server is lost" in page.evaluate("window.notices[0]")
    page.wait_for_function("window.__stage.connected && window.__stage.playheadUs !== null")
    assert server.num_connections == 2
    page.wait_for_function("document.getElementById('notice').textContent === ''")
    assert page.is_hidden("#notice")
    server.face({"jawOpen": 0.5})
    page.wait_for_function("Math.abs(window.__stage.weights.jawOpen - 0.5) < 0.01")


def test_a_cut_drops_frames_and_subtitles_that_have_not_played(
    open_stage: Callable[..., Any], server: Any
) -> None:
    page = open_stage()
    server.face({"jawOpen": 0.2}, seconds=4.0)
    later = server.now_us + 60_000_000
    server.event(type="idol.utterance.started", pts_us=later, text="never said", utterance_id="u")
    page.wait_for_function("window.__stage.counts.face === 120")
    cut_us = server.now_us + 500_000
    server.event(type="idol.playback.cut", response_id="r", pts_us=cut_us)
    page.wait_for_function(f"window.__stage.lastFacePtsUs <= {cut_us}")
    page.wait_for_function("window.__stage.weights.jawOpen < 0.01")
    assert page.inner_text("#subtitle") == ""


def test_a_message_goes_out_as_an_item_and_a_request_for_a_response(
    open_stage: Callable[..., Any], server: Any
) -> None:
    page = open_stage()
    page.fill("#text", "What is your favourite song?")
    page.press("#text", "Enter")
    page.wait_for_function("document.querySelector('#log .user') !== null")
    server.event(type="idol.activity", pts_us=0, activity="speak")
    server.event(type="idol.utterance.started", pts_us=0, text="Stars!", utterance_id="u")
    page.wait_for_function("document.getElementById('subtitle').textContent === 'Stars!'")
    page.wait_for_function("window.__stage.status === 'speak'")
    page.click("#stop")
    server.event(type="idol.playback.cut", response_id="r", pts_us=server.now_us)
    server.sound(0.5)
    page.wait_for_function("window.__stage.counts.audio === 15")
    page.wait_for_function("document.getElementById('latency').textContent.includes('first sound')")
    item = server.sent("conversation.item.create")[0]["item"]
    assert item["role"] == "user"
    assert item["content"] == [{"type": "input_text", "text": "What is your favourite song?"}]
    assert len(server.sent("response.create")) == 1
    assert len(server.sent("response.cancel")) == 1


def test_an_error_of_the_server_is_shown_as_its_sentence(
    open_stage: Callable[..., Any], server: Any
) -> None:
    page = open_stage()
    error = {"type": "server_error", "code": "x", "message": "The voice is not ready."}
    server.event(type="error", error=error)
    page.wait_for_function(
        "document.getElementById('notice').textContent === 'The voice is not ready.'"
    )


def test_she_stands_relaxed_before_the_first_frame_and_follows_the_pose_stream_after_it(
    open_stage: Callable[..., Any], server: Any
) -> None:
    page = open_stage()
    turn = "window.__stage.boneZ('leftUpperArm')"
    assert page.evaluate(turn) < -0.4
    server.pose({"leftUpperArm": (0.0, 0.0, 0.0, 1.0)}, seconds=30)
    page.wait_for_function(f"Math.abs({turn}) < 0.02")


CURL = "Math.abs(window.__stage.turn('{bone}')[2])"
"""Sine of half the angle by which a finger's joint is curled."""


def test_she_breathes_before_any_stream(open_stage: Callable[..., Any], server: Any) -> None:
    page = open_stage()
    page.wait_for_function(
        """() => {
            window.firstTurn ??= window.__stage.turn('chest')[0];
            return Math.abs(window.__stage.turn('chest')[0] - window.firstTurn) > 0.002;
        }"""
    )
    assert page.evaluate("window.__stage.streamShare") == 0
    assert page.evaluate("window.__stage.counts.pose") == 0


def test_a_gesture_shapes_the_raised_hand_until_a_cut(
    open_stage: Callable[..., Any], server: Any
) -> None:
    page = open_stage()
    raised = {"rightUpperArm": (0.0, 0.0, 0.0, 1.0), "leftUpperArm": (0.0, 0.0, -0.6, 0.8)}
    server.pose(raised, seconds=30)
    page.wait_for_function("window.__stage.streamShare === 1")
    gesture = {"pts_us": server.now_us, "duration_us": 30_000_000, "stroke_pts_us": server.now_us}
    server.event(type="idol.gesture", gesture="point", **gesture)
    page.wait_for_function(CURL.format(bone="rightMiddleProximal") + " > 0.5")
    assert page.evaluate(CURL.format(bone="rightIndexProximal")) < 0.1
    assert page.evaluate(CURL.format(bone="leftMiddleProximal")) < 0.3
    server.event(type="idol.playback.cut", response_id="r", pts_us=server.now_us)
    page.wait_for_function(CURL.format(bone="rightMiddleProximal") + " < 0.3")
