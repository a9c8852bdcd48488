"""The body on the stage: alive at once, never in a loop, and on its feet while it dances."""

import dataclasses
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from matplotlib import image
from numpy.typing import NDArray

from idol_protocol.channels import ACTIVITIES, EMOTIONS, GESTURES, POSE_BONES
from idol_runtime.character import DEFAULT_CHARACTER, load_character
from idol_runtime.engine.engine import open_generators
from idol_runtime.motion.pose import PoseInputs
from idol_runtime.motion.skeleton import forward_kinematics
from idol_runtime.timeline import FRAME_SAMPLES

FPS = 30
TEN_MINUTES = 600 * FPS
STRETCH = 2 * FPS
APART = 10 * FPS
"""Stretches closer in time than this belong to one movement."""
EVERY = 6
"""Frames between those of a stretch that are compared."""
NOTICEABLE_DEGREES = 0.4
FIRST_SECOND = """
window.turns = [];
(function watch() {
  const stage = window.__stage;
  if (stage?.streamShare > 0) {
    window.startedUs ??= stage.playheadUs;
    if (stage.playheadUs <= window.startedUs + 1e6 || window.turns.length < 2) {
      window.turns.push(BONES.map(stage.turn));
    } else {
      window.recorded = true;
    }
  }
  if (!window.recorded) requestAnimationFrame(watch);
})();
"""
"""Keeps what the bones do in the second of media time after the stream's first pose is shown."""
WATCH_FEET = """
([bones, seconds]) => new Promise((done) => {
  const stage = window.__stage;
  const startUs = stage.playheadUs;
  const rows = [];
  (function watch() {
    const media_s = (stage.playheadUs - startUs) / 1e6;
    rows.push([media_s, stage.streamShare, ...bones.flatMap(stage.place)]);
    if (rows.at(-1)[0] < seconds) requestAnimationFrame(watch);
    else done(rows);
  })();
})
"""
"""Rows of media seconds, how much of her is the stream's, then the world places of some bones,
while nothing is drawn.
"""
BALLS = ("leftToes", "rightToes")
"""The joints on which she stands."""
ON_FLOOR_M = 0.002
"""A ball of the foot so near to the height where it is most of the time bears weight."""
SLIP_M = 0.015
"""A step is 5 cm and more; on a busy machine the stage skips frames, and between far frames joints
go straight and feet with them a little astray.
"""
LONGEST_LOOK_AWAY_S = 0.1
"""A foot may have stepped in a longer time between two frames of the page."""

Joints = NDArray[np.float32]


@pytest.fixture(scope="module")
def idle() -> Joints:
    """(18000, 22, 3): joints of ten minutes of idling in silence, metres, without its face."""
    ours = open_generators("cpu").default
    style = ours.styles.code(load_character(DEFAULT_CHARACTER).motion)
    silence, _ = ours.face.features.step(
        np.zeros((1, FRAME_SAMPLES), np.float32), ours.face.features.initial_state(1)
    )
    calm = PoseInputs(
        audio=silence[:, 0],
        activity=np.eye(len(ACTIVITIES), dtype=np.float32)[None, ACTIVITIES.index("idle")],
        emotion=np.zeros((1, len(EMOTIONS)), np.float32),
        gesture=np.zeros((1, 2 * len(GESTURES)), np.float32),
        beat=np.zeros((1, 2), np.float32),
        style=style[None],
        noise=np.zeros((1, ours.pose.config.noise.size), np.float32),
    )
    state, noise_state = ours.pose.initial_state(1), ours.pose.noise.initial_state(np.array([3]))
    made = []
    for _ in range(TEN_MINUTES):
        noise, noise_state = ours.pose.noise.step(noise_state)
        batch, state = ours.pose.step(dataclasses.replace(calm, noise=noise), state)
        made.append(batch)
    rotations = np.concatenate([batch.rotations for batch in made])
    hips_m = np.concatenate([batch.hips for batch in made])
    return forward_kinematics(rotations, hips_m)[0].astype(np.float32)


def stretches(joints: Joints) -> Joints:
    """(n, d): every stretch of two seconds, one row for each frame at which it begins."""
    flat = joints.reshape(len(joints), -1)
    count = len(flat) - STRETCH
    return np.hstack([flat[at : at + count] for at in range(0, STRETCH, EVERY)])


def closest_return_m(joints: Joints) -> float:
    """How near any stretch comes to a much earlier or later one: mean joint distance, metres."""
    rows = stretches(joints)
    rows = rows - rows.mean(axis=0)
    length = (rows * rows).sum(axis=1)
    nearest = np.inf
    for at in range(0, len(rows), STRETCH):
        squared = length + length[at] - 2 * rows @ rows[at]
        squared[max(0, at - APART) : at + APART] = np.inf
        again = int(squared.argmin())
        nearest = min(nearest, _distance_m(rows[at], rows[again]))
    return nearest


def _distance_m(one: Joints, other: Joints) -> float:
    return float(np.linalg.norm((one - other).reshape(-1, 3), axis=1).mean())


@pytest.mark.slow
def test_ten_minutes_of_idling_hold_no_stretch_twice(idle: Joints) -> None:
    # The control: a loop of a minute, whose stretches do recur, a frame too early at worst.
    rows = stretches(idle)
    moments = range(0, len(rows) - 1, STRETCH)
    one_frame_m = float(np.median([_distance_m(rows[k], rows[k + 1]) for k in moments]))
    loop = np.tile(idle[: 60 * FPS], (3, 1, 1))
    assert closest_return_m(loop) < one_frame_m
    assert closest_return_m(idle) > 2 * one_frame_m


@pytest.mark.slow
def test_no_second_of_idling_stands_still(idle: Joints) -> None:
    seconds = idle[: TEN_MINUTES // FPS * FPS].reshape(-1, FPS, len(POSE_BONES), 3)
    moved_m = np.ptp(seconds, axis=1).max(axis=(1, 2))
    assert moved_m.min() > 0.001


@pytest.fixture
def page(browser: Any, served: str) -> Iterator[Any]:
    """The stage page from its first moment on."""
    page = browser.new_page(viewport={"width": 320, "height": 320})
    page.set_default_timeout(120_000)
    page.add_init_script(FIRST_SECOND.replace("BONES", str(list(POSE_BONES))))
    page.goto(f"http://{served}/")
    page.wait_for_function("window.recorded")
    yield page
    page.close()


def turned_degrees(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each bone is, at most, from where it first was; turns (t, bones, 4)."""
    cosines = np.abs((turns * turns[0]).sum(axis=-1)).clip(0, 1)
    return np.asarray(np.degrees(2 * np.arccos(cosines)).max(axis=0))


@pytest.mark.models
@pytest.mark.browser
def test_she_moves_within_her_first_second(page: Any) -> None:
    turned = turned_degrees(np.array(page.evaluate("window.turns")))
    moving = {
        bone
        for bone, degrees in zip(POSE_BONES, turned, strict=True)
        if degrees > NOTICEABLE_DEGREES
    }
    assert len(moving) >= 3
    assert moving & {
        "spine",
        "chest",
        "upperChest",
        "neck",
        "head",
        "leftUpperArm",
        "rightUpperArm",
    }


@pytest.mark.models
@pytest.mark.browser
def test_two_pictures_of_her_body_differ(page: Any) -> None:
    page.evaluate("window.__stage.view(2.2, 1.0)")
    page.add_style_tag(content="header, main, #notice, .backdrop, .curtain { opacity: 0 }")
    pictures = []
    for _ in range(2):
        pictures.append(image.imread(io.BytesIO(page.screenshot()))[..., :3])
        later_us = page.evaluate("window.__stage.playheadUs") + 1_000_000
        page.wait_for_function(f"window.__stage.playheadUs > {later_us}")
    body = np.abs(pictures[1] - pictures[0])[120:280, 100:220].max(axis=-1)
    assert (body > 0.06).mean() > 0.003


@pytest.mark.models
@pytest.mark.browser
def test_feet_that_bear_weight_in_a_dance_stay_where_they_are(page: Any) -> None:
    page.evaluate("window.__stage.send({type: 'idol.activity.set', activity: 'dance', bpm: 120})")
    page.wait_for_function("window.__stage.status === 'dance'")
    page.evaluate("window.__stage.draw(false)")
    rows = np.array(page.evaluate(WATCH_FEET, [["hips", *BALLS], 8.0]))
    # A page that is starved of frames stands by itself until they are there again.
    rows = rows[rows[:, 1] == 1]
    time_s, places = rows[:, 0], rows[:, 2:].reshape(len(rows), 3, 3)
    assert np.ptp(places[:, 0], axis=0).max() > 0.03  # she does dance
    for ball in (1, 2):
        height = places[:, ball, 1]
        bears = np.abs(height - np.median(height)) < ON_FLOOR_M
        assert bears.mean() > 0.3
        slips = slips_m(time_s, places[:, ball], bears)
        assert len(slips)
        assert slips.max() < SLIP_M


def slips_m(time_s: Joints, places: Joints, bears: NDArray[np.bool_]) -> Joints:
    """How far each time on the floor spreads over the floor; places (t, 3)."""
    looked_away = np.diff(time_s) > LONGEST_LOOK_AWAY_S
    changes = np.flatnonzero(np.diff(bears.astype(int)).astype(bool) | looked_away) + 1
    times = [part for part in np.split(np.arange(len(bears)), changes) if bears[part[0]]]
    spans = [part[1:-1] for part in times if time_s[part[-1]] - time_s[part[0]] > 0.15]
    return np.array([np.ptp(places[part][:, [0, 2]], axis=0).max() for part in spans if len(part)])
