"""Characters with a face and a body of their own beside others on one stage."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from idol_runtime.character import Character, load_character
from idol_runtime.engine.engine import open_generators
from idol_runtime.engine.model_files import BUNDLES
from idol_runtime.engine.offline import animate
from idol_runtime.errors import BundleError, ConfigError
from idol_runtime.inference.bundle import read_manifest, write_manifest
from idol_runtime.motion.face import FaceInputs, FaceModel
from idol_runtime.motion.pose import PoseBatch, PoseInputs, PoseModel
from idol_runtime.outputs.face_csv import read_face_csv
from idol_runtime.outputs.recorder import Recorder
from idol_runtime.speech.types import SpeechChunk
from idol_runtime.stage.generators import GeneratorBundles, Generators
from idol_runtime.stage.stage import Stage
from idol_runtime.stage.utterance import Utterance
from idol_runtime.timeline import Gesture, PlacedCue, VirtualClock

Array = NDArray[np.float32]

PERSONA = 'name = "{name}"\npersona = "You are {name}."\n'


def remade(kind: str, folder: Path, **config: Any) -> Path:
    """The bundle that ships, with weights a little larger and settings of its own."""
    shutil.copytree(BUNDLES / kind, folder)
    model = onnx.load(folder / f"{kind}.onnx")
    for weights in model.graph.initializer:
        if weights.data_type == onnx.TensorProto.FLOAT:
            larger = (numpy_helper.to_array(weights) * 1.02).astype(np.float32)
            weights.CopyFrom(numpy_helper.from_array(larger, weights.name))
    onnx.save(model, folder / f"{kind}.onnx")
    settings = read_manifest(folder).config | config
    write_manifest(folder, kind=kind, name="remade", licence="Apache-2.0", config=settings)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`hoshi` without, `aki` with a face and a body of its own that look further ahead."""
    root = tmp_path_factory.mktemp("characters")
    remade("face", root / "aki" / "my_face", lookahead_frames=3)
    seconds = dict.fromkeys(read_manifest(BUNDLES / "pose").config["gesture_seconds"], 2.5)
    remade("pose", root / "aki" / "my_pose", lookahead_frames=4, gesture_seconds=seconds)
    own = '[models]\nface = "my_face"\npose = "my_pose"\n'
    (root / "aki" / "character.toml").write_text(PERSONA.format(name="Aki") + own)
    (root / "hoshi").mkdir()
    (root / "hoshi" / "character.toml").write_text(PERSONA.format(name="Hoshi"))
    return root


@pytest.fixture(scope="module")
def bundles() -> GeneratorBundles:
    return open_generators("cpu")


async def performed(
    generators: Callable[[Character], Generators], *characters: Character
) -> list[Recorder]:
    """Two seconds of speech and gestures of each, on one stage."""
    stage = Stage(generators, VirtualClock())
    sound = np.random.default_rng(0).integers(-3000, 3000, 24_000).astype(np.int16)
    recorders = []
    for character in characters:
        performer, recorder = stage.join(character, seed=7), Recorder()
        performer.attach(recorder)
        said = Utterance("u", "t", "Hi.", (PlacedCue(Gesture("wave"), 0),))
        await performer.speak(said, SpeechChunk(sound, (), True))
        recorders.append(recorder)
    for _ in range(60):
        stage.tick()
    return recorders


def frames(recorder: Recorder) -> tuple[Array, Array, Array]:
    return (
        np.array([[*each.weights, *each.head_eyes_deg] for each in recorder.face], np.float32),
        np.array([each.rotations for each in recorder.pose]),
        np.array([each.hips_m for each in recorder.pose]),
    )


async def test_two_with_different_bundles_do_bit_for_bit_what_each_does_alone(
    folders: Path, bundles: GeneratorBundles
) -> None:
    aki, hoshi = (load_character(folders / name) for name in ("aki", "hoshi"))
    together = await performed(bundles.of, aki, hoshi)
    for character, recorder in zip((aki, hoshi), together, strict=True):
        [alone] = await performed(bundles.of, character)
        for one, other in zip(frames(recorder), frames(alone), strict=True):
            np.testing.assert_array_equal(one, other)
        assert recorder.cues == alone.cues
    assert np.abs(frames(together[0])[0] - frames(together[1])[0]).max() > 0.01
    starts = [each.audio[0].pts_us for each in together]
    assert starts[0] - starts[1] == pytest.approx(2e6 / 30, abs=2)  # 4 frames ahead and 2


async def test_each_model_runs_once_a_tick_over_all_that_it_moves() -> None:
    runs: list[tuple[str, int]] = []

    class CountedFace(FaceModel):
        def step(self, inputs: FaceInputs, state: Array) -> tuple[Array, Array]:
            runs.append(("face", len(state)))
            return super().step(inputs, state)

    class CountedPose(PoseModel):
        def step(self, inputs: PoseInputs, state: Array) -> tuple[PoseBatch, Array]:
            runs.append(("pose", len(state)))
            return super().step(inputs, state)

    face = CountedFace.open(BUNDLES / "face")
    poses = [CountedPose.open(BUNDLES / "pose") for _ in range(2)]
    moved_by = {
        name: Generators(face, poses[pose]) for name, pose in (("A", 0), ("B", 1), ("C", 0))
    }
    stage = Stage(lambda character: moved_by[character.name], VirtualClock())
    for name in moved_by:
        stage.join(Character(name=name, persona=name), seed=1)
    stage.tick()
    assert runs == [("face", 3), ("pose", 2), ("pose", 1)]


async def test_heads_turn_with_their_own_faces_where_bodies_are_shared_across_faces(
    folders: Path, bundles: GeneratorBundles
) -> None:
    hoshi = load_character(folders / "hoshi")
    aki = load_character(folders / "aki")
    ours, own = bundles.of(hoshi), bundles.of(aki)
    moved_by = {
        "one": Generators(ours.face, ours.pose),
        "two": Generators(own.face, ours.pose),
        "three": Generators(ours.face, own.pose),
    }
    cast = [Character(name=name, persona=name) for name in moved_by]
    together = await performed(lambda character: moved_by[character.name], *cast)
    for character, recorder in zip(cast, together, strict=True):
        [alone] = await performed(lambda character: moved_by[character.name], character)
        for one, other in zip(frames(recorder), frames(alone), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-3)


async def test_who_leaves_takes_its_rows_along_and_a_newcomer_gets_fresh_ones(
    folders: Path, bundles: GeneratorBundles
) -> None:
    aki, hoshi = (load_character(folders / name) for name in ("aki", "hoshi"))
    stage = Stage(bundles.of, VirtualClock())
    leaver, stayer = stage.join(aki, 1), stage.join(hoshi, 2)
    recorder = Recorder()
    stayer.attach(recorder)
    for _ in range(20):
        stage.tick()
    stage.leave(leaver)
    for _ in range(20):
        stage.tick()
    newcomer, made = stage.join(aki, 3), Recorder()
    newcomer.attach(made)
    for _ in range(20):
        stage.tick()
    alone, alone_made = Stage(bundles.of, VirtualClock()), (Recorder(), Recorder())
    for character, seed, each in ((hoshi, 2, alone_made[0]), (aki, 3, alone_made[1])):
        alone.join(character, seed).attach(each)
    for _ in range(60):
        alone.tick()
    for one, other in zip(frames(recorder), frames(alone_made[0]), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(frames(made), frames(alone_made[1]), strict=True):
        np.testing.assert_array_equal(one, other[:20])


def test_a_bundle_is_opened_once_however_many_name_it(
    folders: Path, bundles: GeneratorBundles, tmp_path: Path
) -> None:
    aki = load_character(folders / "aki")
    half = f'[models]\nface = "{folders / "aki" / "my_face"}"\n'
    (tmp_path / "character.toml").write_text(PERSONA.format(name="Ren") + half)
    ren = load_character(tmp_path)
    assert bundles.of(aki).face is bundles.of(ren).face
    assert bundles.of(ren).pose is bundles.default.pose
    assert bundles.of(load_character(folders / "hoshi")).face is bundles.default.face


def test_style_tags_are_those_of_a_characters_own_face(tmp_path: Path) -> None:
    bundles = open_generators("cpu")
    tag = bundles.default.styles.tags[0]
    remade("face", tmp_path / "plain", style_tags=[])
    text = PERSONA.format(name="Ren") + f'[motion]\nstyle_tags = ["{tag}"]\n'
    (tmp_path / "character.toml").write_text(text)
    Stage(bundles.of, VirtualClock()).join(load_character(tmp_path), 1)
    (tmp_path / "character.toml").write_text(text + '[models]\nface = "plain"\n')
    with pytest.raises(ConfigError, match="this face has no style prior"):
        Stage(bundles.of, VirtualClock()).join(load_character(tmp_path), 1)


@pytest.mark.parametrize("kind", ["face", "pose"])
def test_a_bundle_for_another_frame_rate_is_refused(
    kind: str, tmp_path: Path, bundles: GeneratorBundles
) -> None:
    remade(kind, tmp_path / "fast", fps=60)
    own = f'[models]\n{kind} = "fast"\n'
    (tmp_path / "character.toml").write_text(PERSONA.format(name="Ren") + own)
    with pytest.raises(BundleError, match=r"fast: expected 30 frames a second .*, found 60"):
        bundles.of(load_character(tmp_path))


async def test_a_recording_moves_the_characters_own_face(folders: Path, tmp_path: Path) -> None:
    samples = np.random.default_rng(1).integers(-3000, 3000, 12_000).astype(np.int16)
    made = []
    for name in ("aki", "hoshi"):
        character = load_character(folders / name)
        await animate(samples, tmp_path / name, character=character, provider="cpu")
        made.append(read_face_csv(tmp_path / name / "face.csv"))
    apart = [np.abs(one.weights - other.weights).max() for one, other in zip(*made, strict=True)]
    assert max(apart) > 0.01
