"""The generated avatar: a valid VRM 1.0 file whose blendshapes do what their names say."""

import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.avatar import AvatarStyle, build_avatar
from export.avatar.face_fields import FaceFields, FacePoints
from export.avatar.features import FeatureBuilder
from export.avatar.geometry import Mesh
from export.avatar.head import HeadShape, build_skin
from idol_protocol.channels import ARKIT_BLENDSHAPES, POSE_BONES
from idol_runtime.errors import InputError

pytestmark = pytest.mark.slow

WEB = Path(__file__).parents[3] / "idol_runtime" / "web"
PRESETS = {
    "happy", "angry", "sad", "relaxed", "surprised", "neutral", "aa", "ih", "ou", "ee", "oh",
    "blink", "blinkLeft", "blinkRight", "lookUp", "lookDown", "lookLeft", "lookRight",
}  # fmt: skip


@pytest.fixture(scope="module")
def glb() -> bytes:
    return build_avatar()


@pytest.fixture(scope="module")
def document(glb: bytes) -> dict[str, Any]:
    magic, version, total = struct.unpack_from("<4sII", glb)
    assert (magic, version, total) == (b"glTF", 2, len(glb))
    (length,) = struct.unpack_from("<I", glb, 12)
    parsed: dict[str, Any] = json.loads(glb[20 : 20 + length])
    return parsed


@pytest.fixture(scope="module")
def face() -> Mesh:
    shape = HeadShape()
    return FeatureBuilder(shape, build_skin(shape)).face_skin()


def test_every_arkit_blendshape_is_an_expression_that_moves_the_face(
    document: dict[str, Any],
) -> None:
    vrm = document["extensions"]["VRMC_vrm"]
    assert list(vrm["expressions"]["custom"]) == list(ARKIT_BLENDSHAPES)
    (mesh,) = [mesh for mesh in document["meshes"] if mesh["name"] == "face"]
    for index in range(len(ARKIT_BLENDSHAPES)):
        targets = [part["targets"][index]["POSITION"] for part in mesh["primitives"]]
        assert any("sparse" in document["accessors"][target] for target in targets)


def test_all_presets_of_vrm_are_there(document: dict[str, Any]) -> None:
    assert set(document["extensions"]["VRMC_vrm"]["expressions"]["preset"]) == PRESETS


def test_the_humanoid_has_all_bones_of_the_pose_stream_unrotated(document: dict[str, Any]) -> None:
    bones = document["extensions"]["VRMC_vrm"]["humanoid"]["humanBones"]
    assert set(POSE_BONES) <= set(bones)
    assert all("rotation" not in document["nodes"][bone["node"]] for bone in bones.values())


def test_anybody_may_use_and_change_the_avatar(document: dict[str, Any]) -> None:
    meta = document["extensions"]["VRMC_vrm"]["meta"]
    assert meta["avatarPermission"] == "everyone"
    assert meta["modification"] == "allowModificationRedistribution"
    assert meta["allowRedistribution"] is True


def test_the_file_is_small_enough_to_load_at_once(glb: bytes) -> None:
    assert len(glb) < 3_000_000


def test_the_same_style_gives_the_same_bytes(glb: bytes) -> None:
    assert build_avatar(AvatarStyle()) == glb


def test_another_style_gives_another_character(glb: bytes) -> None:
    other = build_avatar(AvatarStyle(name="Akane", hair="#c0503f", twin_tails=False, eye_scale=0.9))
    assert other != glb
    assert b"backHair0" in other
    assert b"leftTail0" not in other


@pytest.mark.parametrize(
    "make",
    [
        lambda: AvatarStyle(hair="purple"),
        lambda: AvatarStyle(iris="#12345"),
        lambda: AvatarStyle(eye_scale=3.0),
    ],
)
def test_a_style_that_cannot_be_drawn_is_refused_in_a_sentence(
    make: Callable[[], AvatarStyle],
) -> None:
    with pytest.raises(InputError, match="avatar style"):
        make()


def lip_gap(face: Mesh, weights: dict[str, float]) -> float:
    """Metres between the middle of the upper and of the lower lip's edge."""
    shape = HeadShape()
    loop = build_skin(shape).mouth_loop
    moved = face.positions + sum(w * face.morphs[name] for name, w in weights.items())
    edge = moved[: len(loop) + int(loop.max()) + 1][loop]
    quarter = len(loop) // 4
    return float(edge[quarter, 1] - edge[3 * quarter, 1])


def test_the_jaw_opens_the_lips_and_mouth_close_shuts_them_again(face: Mesh) -> None:
    assert lip_gap(face, {}) < 0.0005
    assert lip_gap(face, {"jawOpen": 1.0}) > 0.012
    assert lip_gap(face, {"jawOpen": 1.0, "mouthClose": 1.0}) < 0.003


def test_a_blink_closes_the_eye_it_names_and_not_the_other(face: Mesh) -> None:
    skin = build_skin(HeadShape())

    def opening(loop: Any) -> float:
        y = (face.positions + face.morphs["eyeBlinkLeft"])[loop, 1]
        return float(np.ptp(y))

    assert opening(skin.eye_loop) < 0.5 * opening(skin.right_eye_loop)


@pytest.mark.parametrize(
    "name", [n for n in ARKIT_BLENDSHAPES if n.endswith("Left") and n[:3] != "jaw"]
)
def test_left_and_right_are_mirror_images(name: str) -> None:
    shape = HeadShape()
    x, y = (
        v.ravel() for v in np.meshgrid(np.linspace(-0.06, 0.06, 25), np.linspace(-0.1, 0.03, 25))
    )
    left = shape.front(x, y, nose=False)
    right = left * [-1, 1, 1]
    lower = (left[:, 1] < shape.mouth.y).astype(float)
    fields = FaceFields(shape)
    one = fields.displacement(name, FacePoints(left, lower))
    other = fields.displacement(name.replace("Left", "Right"), FacePoints(right, lower))
    np.testing.assert_allclose(other, one * [-1, 1, 1], atol=1e-5)


def test_the_khronos_validator_finds_no_error(glb: bytes, tmp_path: Path) -> None:
    validator = WEB / "node_modules" / "gltf-validator"
    if shutil.which("node") is None or not validator.is_dir():
        pytest.skip("gltf-validator is not installed; run `make setup`")
    file = tmp_path / "avatar.glb"
    file.write_bytes(glb)
    script = (
        "const v=require(process.argv[1]),fs=require('fs');"
        "v.validateBytes(new Uint8Array(fs.readFileSync(process.argv[2])),{maxIssues:20})"
        ".then(r=>console.log(JSON.stringify(r.issues)))"
    )
    done = subprocess.run(
        ["node", "-e", script, str(validator), str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    issues = json.loads(done.stdout)
    assert issues["numErrors"] == 0, issues["messages"]
