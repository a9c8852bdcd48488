"""A gesture in a greeting lands on its word, with the voice and the body that ship."""

import asyncio
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pytest
from msgspec.structs import replace

from idol_protocol.channels import POSE_BONES
from idol_runtime.character import DEFAULT_CHARACTER, load_character
from idol_runtime.conversation.conversation import Conversation
from idol_runtime.conversation.models import start_models
from idol_runtime.engine.engine import open_stage
from idol_runtime.engine.model_files import fetch_models
from idol_runtime.motion.skeleton import forward_kinematics
from idol_runtime.outputs.recorder import Recorder
from idol_runtime.store import default_store
from idol_runtime.timeline import (
    Cue,
    GestureCue,
    Phoneme,
    Phonemes,
    UtteranceStarted,
    VirtualClock,
)

pytestmark = pytest.mark.models

GREETING = "Hi, I'm Hoshi! It's so nice to see you. Tell me, what shall we [wave] talk about?"
SHOWN = GREETING.replace("[wave] ", "")
DAY_MS = 24 * 3600 * 1000

Greeted = tuple[str, Recorder]
"""The shown words, and the timeline."""


async def greet(greeting: str) -> Greeted:
    """The shown words and the timeline of a greeting, made as fast as it goes."""
    hoshi = replace(load_character(DEFAULT_CHARACTER), greeting=greeting)
    stage = open_stage("cpu", VirtualClock(), lead_ms=DAY_MS, buffer_s=DAY_MS / 1000)
    performer, recorder = stage.join(hoshi, 1), Recorder()
    performer.attach(recorder)
    models = start_models(fetch_models(default_store(), hoshi), provider="cpu", threads=1)
    try:
        ended = await Conversation(hoshi, performer, models).reply()
    finally:
        await models.aclose()
    while performer.frame * 800 <= performer.speech_ends:
        stage.tick()
    return ended.item.text, recorder


@pytest.fixture(scope="module")
def greeted() -> Greeted:
    return asyncio.run(greet(GREETING))


C = TypeVar("C", bound=Cue)


def cues(recorder: Recorder, kind: type[C]) -> list[C]:
    return [cue for cue in recorder.cues if isinstance(cue, kind)]


def test_the_tag_is_neither_shown_nor_spoken(greeted: Greeted) -> None:
    shown, recorder = greeted
    assert shown == SHOWN
    assert " ".join(cue.text for cue in cues(recorder, UtteranceStarted)) == SHOWN
    symbols = "".join(each.symbol for cue in cues(recorder, Phonemes) for each in cue.phonemes)
    assert symbols.count("tˈɔk") == 1
    assert "wˈAv" not in symbols


def test_the_stroke_falls_on_the_word_after_the_tag(greeted: Greeted) -> None:
    _, recorder = greeted
    [gesture] = cues(recorder, GestureCue)
    [onset_s] = [
        cue.pts_us / 1e6 + each.start_s
        for cue in cues(recorder, Phonemes)
        for each, rest in zip(cue.phonemes, suffixes(cue.phonemes), strict=True)
        if each.symbol == "t" and rest.startswith("tˈɔk")
    ]
    stroke_s = (gesture.pts_us + gesture.stroke_us) / 1e6
    assert stroke_s == pytest.approx(onset_s, abs=0.1)


def suffixes(phonemes: Sequence[Phoneme]) -> list[str]:
    symbols = "".join(each.symbol for each in phonemes)
    return [symbols[at:] for at in range(len(phonemes))]


def test_the_hand_is_up_at_the_stroke_and_down_before(greeted: Greeted) -> None:
    _, recorder = greeted
    [gesture] = cues(recorder, GestureCue)
    times_us = np.array([each.pts_us for each in recorder.pose])
    joints, _ = forward_kinematics(
        np.array([each.rotations for each in recorder.pose]),
        np.array([each.hips_m for each in recorder.pose]),
    )
    hands = [POSE_BONES.index(name) for name in ("leftHand", "rightHand")]
    height_m = joints[:, hands, 1].max(axis=1)
    stroke_us = gesture.pts_us + gesture.stroke_us
    at_stroke = height_m[np.abs(times_us - stroke_us) < 150_000].mean()
    before = height_m[(times_us > gesture.pts_us - 500_000) & (times_us < gesture.pts_us)].mean()
    assert at_stroke > before + 0.25
