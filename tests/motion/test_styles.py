"""Style codes at run time, drawn by a prior that was exported as it ships."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from export.style import export_style, parity, write_onnx
from idol_runtime.character import Character, Motion
from idol_runtime.engine.engine import open_stage
from idol_runtime.engine.model_files import BUNDLES
from idol_runtime.errors import BundleError, ConfigError
from idol_runtime.inference.bundle import write_manifest
from idol_runtime.inference.session import OnnxSession
from idol_runtime.motion.face import FaceConfig, FaceInputs, FaceModel
from idol_runtime.motion.pose import PoseBatch, PoseInputs, PoseModel
from idol_runtime.motion.styles import LARGEST, MODEL_FILE, Styles
from idol_runtime.stage.generators import Generators
from idol_runtime.stage.stage import Stage
from idol_runtime.timeline import VirtualClock
from training.checkpoint import PROGRESS
from training.face.style_flow import TAG_NAMES, StylePrior

pytestmark = pytest.mark.slow

SMILE = 6

Array = NDArray[np.float32]


def made_up_prior() -> StylePrior:
    """Random couplings, and an own place and size for every value."""
    prior = StylePrior(seed=3)
    drawn = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in prior.parameters():
            weight.copy_(0.1 * torch.randn(weight.shape, generator=drawn))
        prior.center.copy_(torch.linspace(-1, 1, 16))
        prior.spread.copy_(torch.linspace(0.5, 1.5, 16))
    return prior.eval()


@pytest.fixture(scope="module")
def flow_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("style") / MODEL_FILE
    write_onnx(made_up_prior(), path)
    return path


@pytest.fixture(scope="module")
def styles(flow_file: Path) -> Styles:
    return Styles(TAG_NAMES, OnnxSession(flow_file))


def test_the_exported_prior_gives_the_styles_of_the_checkpoint(flow_file: Path) -> None:
    assert parity(made_up_prior(), flow_file) < 1e-5
    assert str(Path(__file__).parents[2]).encode() not in flow_file.read_bytes()


def test_the_exported_prior_takes_one_row_or_many(flow_file: Path) -> None:
    session = OnnxSession(flow_file)
    latent = np.random.default_rng(0).standard_normal((7, 16)).astype(np.float32)
    tags = np.eye(7, len(TAG_NAMES), dtype=np.float32)
    many = session.run({"latent": latent, "tags": tags})["style"]
    one = session.run({"latent": latent[4:5], "tags": tags[4:5]})["style"]
    np.testing.assert_allclose(one[0], many[4], atol=1e-5)


def test_seed_and_tags_decide_the_style(styles: Styles) -> None:
    one = styles.code(Motion(style_seed=1, style_tags=["shy"]))
    np.testing.assert_array_equal(one, styles.code(Motion(style_seed=1, style_tags=["shy"])))
    assert one.shape == (16,)
    assert one.dtype == np.float32
    for other in (Motion(3, ["bold"]), Motion(3), Motion(4, ["shy"])):
        assert np.abs(one - styles.code(other)).max() > 0.01


def test_the_order_of_the_tags_does_not_matter(styles: Styles) -> None:
    np.testing.assert_array_equal(
        styles.code(Motion(1, ["calm", "shy"])), styles.code(Motion(1, ["shy", "calm", "shy"]))
    )


def test_a_code_that_is_given_is_taken_as_it_is(styles: Styles) -> None:
    given_code = np.linspace(-4, 4, 16)
    np.testing.assert_allclose(styles.code(Motion(style=given_code.tolist())), given_code)


@given(seed=st.integers(0, 2**64), tags=st.lists(st.sampled_from(TAG_NAMES), max_size=10))
def test_whatever_is_asked_for_the_code_stays_where_the_generators_were_trained(
    styles: Styles, seed: int, tags: list[str]
) -> None:
    code = styles.code(Motion(seed, tags))
    assert np.isfinite(code).all()
    assert np.abs(code).max() <= LARGEST


def test_an_unknown_tag_names_the_known_ones(styles: Styles) -> None:
    with pytest.raises(ConfigError, match=r"among lively, calm.*found sleepy; choose one"):
        styles.code(Motion(style_tags=["calm", "sleepy"]))


def test_without_a_prior_a_seed_draws_the_code_and_tags_are_refused() -> None:
    styles = Styles()
    codes = np.stack([styles.code(Motion(seed)) for seed in range(300)])
    assert abs(codes.mean()) < 0.05
    assert abs(codes.std() - 1) < 0.05
    np.testing.assert_array_equal(codes[7], styles.code(Motion(7)))
    with pytest.raises(ConfigError, match="no style prior, found calm; take"):
        styles.code(Motion(style_tags=["calm"]))


def bundle_with(flow_file: Path, folder: Path) -> Path:
    (folder / MODEL_FILE).write_bytes(flow_file.read_bytes())
    config = {"style_tags": list(TAG_NAMES)}
    write_manifest(folder, kind="face", name="face", licence="Apache-2.0", config=config)
    return folder


def test_a_bundle_brings_its_prior(flow_file: Path, styles: Styles, tmp_path: Path) -> None:
    opened = Styles.open(bundle_with(flow_file, tmp_path), TAG_NAMES)
    asked = Motion(5, ["cheerful"])
    np.testing.assert_array_equal(opened.code(asked), styles.code(asked))


def test_a_bundle_without_tags_has_no_prior(tmp_path: Path) -> None:
    assert Styles.open(tmp_path, ()).tags == ()


def test_a_bundle_whose_prior_is_gone_is_refused(flow_file: Path, tmp_path: Path) -> None:
    folder = bundle_with(flow_file, tmp_path)
    (folder / MODEL_FILE).unlink()
    with pytest.raises(BundleError, match=MODEL_FILE):
        Styles.open(folder, TAG_NAMES)


def test_a_run_without_a_prior_exports_none(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run" / "step_1"
    checkpoint.mkdir(parents=True)
    (checkpoint / PROGRESS).write_text('{"used": 1}')
    assert export_style(tmp_path / "run", tmp_path) == ()
    assert not (tmp_path / MODEL_FILE).exists()


def test_settings_of_a_bundle_from_before_tags_still_read() -> None:
    config = FaceModel.open(BUNDLES / "face").config
    old = {k: v for k, v in msgspec.to_builtins(config).items() if k != "style_tags"}
    assert msgspec.convert(old, FaceConfig).style_tags == ()
    assert msgspec.convert(old | {"style_tags": ["calm"]}, FaceConfig).style_tags == ("calm",)


def test_face_and_body_of_a_character_show_the_style_it_asked_for(
    styles: Styles, monkeypatch: pytest.MonkeyPatch
) -> None:
    face, pose = FaceModel.open(BUNDLES / "face"), PoseModel.open(BUNDLES / "pose")
    face_step, pose_step = face.step, pose.step
    given: list[np.ndarray] = []

    def face_told(inputs: FaceInputs, state: Array) -> tuple[Array, Array]:
        given.append(inputs.style)
        return face_step(inputs, state)

    def body_told(inputs: PoseInputs, state: Array) -> tuple[PoseBatch, Array]:
        given.append(inputs.style)
        return pose_step(inputs, state)

    monkeypatch.setattr(face, "step", face_told)
    monkeypatch.setattr(pose, "step", body_told)
    generators = Generators(face, pose, styles)
    stage = Stage(lambda character: generators, VirtualClock())
    motion = Motion(2, ["shy"])
    stage.join(Character(name="Ren", persona="You are Ren.", motion=motion), seed=1)
    stage.tick()
    of_the_face, of_the_body = given
    np.testing.assert_array_equal(of_the_face, styles.code(motion)[None])
    asked = styles.body_code(motion, pose.config.style_axes, pose.config.style_tags)
    np.testing.assert_array_equal(of_the_body, asked[None])
    assert not np.array_equal(of_the_body, of_the_face)


def test_a_character_with_an_unknown_tag_does_not_join() -> None:
    stage = open_stage("cpu", VirtualClock())
    motion = Motion(style_tags=["sleepy"])
    with pytest.raises(ConfigError, match="found sleepy"):
        stage.join(Character(name="Ren", persona="You are Ren.", motion=motion), seed=1)


def test_a_tag_moves_the_body_and_leaves_the_face_alone() -> None:
    styles, axes = Styles(("bold",)), ("stance", "bounce")
    plain, bold = Motion(style_seed=1), Motion(style_seed=1, style_tags=["bold"])
    tags = {"bold": {"stance": 1.0}, "calm": {"bounce": -1.0}}
    np.testing.assert_array_equal(styles.body_code(plain, axes, tags), styles.code(plain))
    moved = styles.body_code(bold, axes, tags) - styles.code(bold)
    assert moved[14] == pytest.approx(1.0, abs=1e-6)
    assert np.abs(np.delete(moved, 14)).max() == 0


def test_a_code_set_by_hand_is_the_bodys_as_it_is() -> None:
    by_hand = Motion(style=[0.5] * 16)
    code = Styles().body_code(by_hand, ("stance",), {"bold": {"stance": 1.0}})
    np.testing.assert_array_equal(code, np.full(16, 0.5, np.float32))
