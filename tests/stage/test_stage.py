"""The stage with the generators that ship."""

import ast
import asyncio
import inspect
from dataclasses import fields

import numpy as np
import pytest
from numpy.typing import NDArray

import idol_runtime.stage.batch
import idol_runtime.stage.stage
from idol_protocol.channels import ARKIT_BLENDSHAPES, POSE_BONES
from idol_runtime.character import DEFAULT_CHARACTER, load_character
from idol_runtime.engine.engine import open_stage
from idol_runtime.engine.model_files import BUNDLES
from idol_runtime.motion.conditioning import sources
from idol_runtime.motion.face import FaceInputs, FaceModel
from idol_runtime.motion.pose import PoseBatch, PoseInputs, PoseModel
from idol_runtime.motion.skeleton import forward_kinematics
from idol_runtime.music.metronome import Metronome
from idol_runtime.outputs.recorder import Recorder
from idol_runtime.speech.types import SpeechChunk
from idol_runtime.stage.conditions import Conditions
from idol_runtime.stage.generators import Generators
from idol_runtime.stage.performer import Performer
from idol_runtime.stage.stage import Stage
from idol_runtime.stage.utterance import Utterance
from idol_runtime.timeline import FRAME_SAMPLES, VirtualClock

Array = NDArray[np.float32]

HOSHI = load_character(DEFAULT_CHARACTER)


@pytest.fixture
def stage() -> Stage:
    return open_stage("cpu", VirtualClock())


def join(stage: Stage, seed: int) -> tuple[Performer, Recorder]:
    performer = stage.join(HOSHI, seed)
    recorder = Recorder()
    performer.attach(recorder)
    return performer, recorder


def faces(recorder: Recorder) -> Array:
    return np.array([np.concatenate([each.weights, each.head_eyes_deg]) for each in recorder.face])


def poses(recorder: Recorder) -> Array:
    return np.array([each.rotations for each in recorder.pose])


def run(stage: Stage, frames: int) -> None:
    for _ in range(frames):
        stage.tick()


def test_the_same_seed_gives_the_same_frames_bit_for_bit() -> None:
    takes = []
    for _ in range(2):
        stage = open_stage("cpu", VirtualClock())
        _, recorder = join(stage, 5)
        run(stage, 60)
        takes.append((faces(recorder), poses(recorder)))
    np.testing.assert_array_equal(takes[0][0], takes[1][0])
    np.testing.assert_array_equal(takes[0][1], takes[1][1])


def test_two_seeds_differ_in_the_upper_face_and_the_body(stage: Stage) -> None:
    _, one = join(stage, 1)
    _, other = join(stage, 2)
    run(stage, 300)
    upper = [i for i, name in enumerate(ARKIT_BLENDSHAPES) if name.startswith(("brow", "eye"))]
    assert np.abs(faces(one) - faces(other))[:, upper].max() > 0.2
    assert np.abs(poses(one) - poses(other)).max() > 0.02


def test_a_character_moves_the_same_alone_and_in_a_crowd(stage: Stage) -> None:
    crowd = [join(stage, seed) for seed in range(1, 9)]
    run(stage, 60)
    alone = open_stage("cpu", VirtualClock())
    _, recorder = join(alone, 4)
    run(alone, 60)
    np.testing.assert_allclose(faces(crowd[3][1]), faces(recorder), atol=1e-3)
    np.testing.assert_allclose(poses(crowd[3][1]), poses(recorder), atol=1e-3)


def test_coming_and_going_does_not_disturb_the_others(stage: Stage) -> None:
    _, stays = join(stage, 4)
    leaver, left = join(stage, 5)
    run(stage, 20)
    stage.leave(leaver)
    run(stage, 20)
    _, newcomer = join(stage, 6)
    run(stage, 20)
    alone = open_stage("cpu", VirtualClock())
    _, recorder = join(alone, 4)
    run(alone, 60)
    np.testing.assert_allclose(faces(stays), faces(recorder), atol=1e-3)
    assert len(left.face) == 20
    assert [each.pts_us for each in newcomer.face][:2] == [0, 33_333]
    assert len(newcomer.face) == 20


def test_all_characters_share_one_run_of_each_model() -> None:
    batches: list[int] = []

    class CountedFace(FaceModel):
        def step(self, inputs: FaceInputs, state: Array) -> tuple[Array, Array]:
            batches.append(len(state))
            return super().step(inputs, state)

    class CountedPose(PoseModel):
        def step(self, inputs: PoseInputs, state: Array) -> tuple[PoseBatch, Array]:
            batches.append(len(state))
            return super().step(inputs, state)

    generators = Generators(CountedFace.open(BUNDLES / "face"), CountedPose.open(BUNDLES / "pose"))
    stage = Stage(lambda character: generators, VirtualClock())
    for seed in range(5):
        join(stage, seed)
    stage.tick()
    assert batches == [5, 5]


def test_the_stage_names_no_condition() -> None:
    """So a new one is named where a performer tells it and where a generator takes it alone."""
    conditions = {each.name for each in fields(Conditions)}
    for module in (idol_runtime.stage.stage, idol_runtime.stage.batch):
        tree = ast.parse(inspect.getsource(module))
        named = {
            each.attr if isinstance(each, ast.Attribute) else each.arg
            for each in ast.walk(tree)
            if isinstance(each, ast.Attribute | ast.keyword)
        }
        assert not named & conditions


def test_every_input_takes_a_condition_there_is_and_every_condition_is_taken() -> None:
    taken = {
        source.name for inputs in (FaceInputs, PoseInputs) for source in sources(inputs).values()
    }
    assert taken == {each.name for each in fields(Conditions)}


def test_an_idle_character_is_alive(stage: Stage) -> None:
    _, recorder = join(stage, 3)
    run(stage, 900)
    made = faces(recorder)
    blink = made[:, ARKIT_BLENDSHAPES.index("eyeBlinkLeft")] > 0.5
    blinks = int((np.diff(blink.astype(int)) == 1).sum())
    assert 3 <= blinks <= 30  # in half a minute
    head_yaw, gaze = made[:, 52], made[:, 55]
    assert head_yaw.std() > 0.2
    assert gaze.std() > 0.5
    assert made[:, ARKIT_BLENDSHAPES.index("jawOpen")].max() < 0.1
    moved = np.abs(poses(recorder)[30:] - poses(recorder)[30]).max(axis=(0, 2))
    assert moved[POSE_BONES.index("spine")] > 0.002
    assert moved[POSE_BONES.index("leftUpperArm")] > 0.002


def test_the_body_stands_with_its_arms_down(stage: Stage) -> None:
    _, recorder = join(stage, 3)
    run(stage, 90)
    arm = poses(recorder)[-1][POSE_BONES.index("leftUpperArm")]
    degrees = np.degrees(2 * np.arccos(np.clip(arm[3], -1, 1)))
    assert 45 < degrees < 100


def test_the_activities_look_different(stage: Stage) -> None:
    takes = {}
    for activity in ("idle", "think"):
        performer, recorder = join(stage, 7)
        performer.activity = activity
        takes[activity] = recorder
    run(stage, 900)
    hands = [POSE_BONES.index(name) for name in ("leftLowerArm", "rightLowerArm")]
    difference = np.abs(poses(takes["idle"]) - poses(takes["think"]))[60:, hands].max()
    assert difference > 0.2


def test_the_mouth_opens_with_the_voice_and_closes_after_it(stage: Stage) -> None:
    performer, recorder = join(stage, 3)
    rng = np.random.default_rng(0)
    syllables = np.repeat(np.tile([0.05, 0.3], 8), 2400)
    # A buzz of 150 Hz with a falling spectrum: vowel-like, loud and soft in turn.
    time_s = np.arange(len(syllables)) / 24_000
    parts = [np.sin(2 * np.pi * 150 * k * time_s + rng.uniform(0, 6)) / k for k in range(1, 20)]
    buzz = np.sum(parts, axis=0)
    sound = (buzz * syllables * 8000).clip(-32768, 32767).astype(np.int16)
    asyncio.run(performer.speak(Utterance("u", "t", ""), SpeechChunk(sound, (), True)))
    run(stage, 120)
    jaw = faces(recorder)[:, ARKIT_BLENDSHAPES.index("jawOpen")]
    spoken = slice(3, 3 + len(sound) // 800)
    assert jaw[spoken].max() > 0.08
    assert jaw[-30:].max() < 0.06


async def test_a_late_stage_skips_frames_and_keeps_its_clock() -> None:
    clock = VirtualClock()
    stage = open_stage("cpu", clock)
    _, recorder = join(stage, 1)
    stage.tick()
    clock.advance_us(3_000_000)
    stage.catch_up()
    stage.tick()
    assert stage.skipped_frames >= 80
    assert recorder.face[-1].pts_us == pytest.approx(3_000_000, abs=34_000)


async def test_who_joins_a_late_stage_is_on_its_clock_from_the_first_frame() -> None:
    clock = VirtualClock()
    stage = open_stage("cpu", clock)
    _, early = join(stage, 1)
    skips: list[int] = []
    stage.on_skip = skips.append
    stage.tick()
    clock.advance_us(900_000)
    performer, late = join(stage, 2)
    assert stage.now_us(performer) == 0
    for _ in range(3):
        stage.catch_up()
        stage.tick()
        for recorder in (early, late):
            assert recorder.face
        assert late.face[-1].pts_us == pytest.approx(stage.now_us(performer), abs=34_000)
        clock.advance_us(900_000)
    assert late.face[0].pts_us == 0
    assert sum(skips) == stage.skipped_frames > 0


async def test_who_joins_while_a_tick_is_made_begins_with_the_next() -> None:
    clock = VirtualClock()
    stage = open_stage("cpu", clock)
    join(stage, 1)
    joined: list[Performer] = []
    ticked = asyncio.Event()

    def on_tick(seconds: float) -> None:
        if not joined:
            joined.append(join(stage, 2)[0])
        elif not ticked.is_set():
            assert stage.now_us(joined[0]) < 1_000
            ticked.set()
        clock.advance_us(33_334)

    stage.on_tick = on_tick
    task = asyncio.create_task(stage.run())
    async with asyncio.timeout(5):
        await asyncio.wait(
            [task, asyncio.create_task(ticked.wait())], return_when=asyncio.FIRST_COMPLETED
        )
    assert ticked.is_set()
    task.cancel()
    await asyncio.wait([task])


def test_who_is_not_attended_rests_and_is_where_its_time_is_when_met_again(stage: Stage) -> None:
    performer, recorder = join(stage, 1)
    performer.attendance = 1
    other, others = join(stage, 2)
    run(stage, 10)
    sound = np.full(FRAME_SAMPLES * 6, 4000, np.int16)
    asyncio.run(performer.speak(Utterance("u", "t", "Hm."), SpeechChunk(sound, (), True)))
    performer.attendance = 0
    run(stage, 60)
    said = len(recorder.face)
    assert 16 <= said < 30, "it says what it has to say, then it rests"
    assert len(others.face) == 70
    performer.attendance = 1
    run(stage, 5)
    assert len(recorder.face) == said + 5
    assert performer.frame == other.frame
    assert recorder.face[-1].pts_us == others.face[-1].pts_us


async def test_ticking_follows_the_clock_and_stops_when_cancelled() -> None:
    stage = open_stage("cpu", VirtualClock())
    ticked = asyncio.Event()

    def on_tick(seconds: float) -> None:
        ticked.set()

    stage.on_tick = on_tick
    join(stage, 1)
    task = asyncio.create_task(stage.run())
    async with asyncio.timeout(5):
        await ticked.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


def hands(recorder: Recorder, frames: slice) -> Array:
    """Where the two hands are, metres: (T, 2, 3)."""
    positions, _ = forward_kinematics(
        np.array([each.rotations for each in recorder.pose[frames]], np.float32),
        np.array([each.hips_m for each in recorder.pose[frames]], np.float32),
    )
    return positions[:, [POSE_BONES.index("leftHand"), POSE_BONES.index("rightHand")]]


def test_a_gesture_moves_the_arms_and_they_come_back(stage: Stage) -> None:
    performer, recorder = join(stage, 3)
    run(stage, 60)
    span = performer.gesture("cheer")
    assert span is not None
    run(stage, span.end + 60 - 60)
    before, at_stroke, after = (
        hands(recorder, slice(at - 5, at + 5))[:, :, 1].mean(axis=0)
        for at in (50, span.stroke, span.end + 50)
    )
    assert (at_stroke - before).max() > 0.25
    assert np.abs(after - before).max() < 0.2


def test_a_dance_moves_the_hips_with_the_music_and_the_face_stays_at_ease(stage: Stage) -> None:
    dancer, danced = join(stage, 3)
    _, stood = join(stage, 3)
    dancer.resting = "dance"
    dancer.beats = Metronome(bpm=120, first_beat_s=0, intensity=1.0)
    run(stage, 300)
    moved, still = (
        np.ptp(np.array([each.hips_m for each in made.pose[60:]]), axis=0).max()
        for made in (danced, stood)
    )
    assert moved > 2 * still
    np.testing.assert_allclose(faces(danced), faces(stood), atol=1e-3)
