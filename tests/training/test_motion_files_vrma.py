import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from idol_protocol.channels import POSE_BONES
from idol_protocol.skeleton import OFFSETS_M, PARENT_OF, PARENTS
from idol_runtime.outputs.gltf import GltfWriter
from tests.readers.three import reference_joints
from training.humanoid.clip import Clip
from training.humanoid.skeleton import forward_kinematics
from training.motion_files import MotionFileError, read_vrma

FLOAT, SHORT = 5126, 5122
LEFT_OUT = ("upperChest", "leftToes", "rightToes")


def write_foreign(
    path: Path,
    interpolation: str,
    *,
    bones: tuple[str, ...] = POSE_BONES,
    height: float = 1.4,
    short: bool = False,
    extension: str = "VRMC_vrm_animation",
) -> None:
    """A .vrma as other programs write them: own axes at rest, another height, uneven keys."""
    rng = np.random.default_rng(3)
    writer = GltfWriter()
    rests = {bone: Rotation.from_rotvec(rng.normal(0, 1, 3)) for bone in POSE_BONES}
    # The reference takes a bone's nearest humanoid ancestor for its parent.
    for bone in set(POSE_BONES) - set(bones):
        rests[bone] = rests[PARENT_OF[bone]]
    root = Rotation.from_euler("x", 40, degrees=True)
    nodes: dict[str, int] = {}
    for at, (bone, parent) in enumerate(zip(POSE_BONES, PARENTS, strict=True)):
        above = rests[POSE_BONES[parent]] if parent >= 0 else root
        item = {
            "name": bone,
            "translation": above.inv().apply(height * np.array(OFFSETS_M[at])).tolist(),
            "rotation": (above.inv() * rests[bone]).as_quat().tolist(),
        }
        nodes[bone] = writer.node(item)
        if parent >= 0:
            siblings = writer.document["nodes"][nodes[POSE_BONES[parent]]]
            siblings.setdefault("children", []).append(nodes[bone])
    armature = writer.node(
        {"name": "armature", "rotation": root.as_quat().tolist(), "children": [nodes["hips"]]}
    )
    times_s = np.cumsum(rng.uniform(0.05, 0.4, 5)).astype(np.float32)
    clock = writer.accessor(times_s[:, None], FLOAT, "SCALAR", bounds=True)
    samplers, channels = [], []

    def track(bone: str, kind: str, values: np.ndarray) -> None:
        if interpolation == "CUBICSPLINE":
            slopes = rng.normal(0, 0.3, (2, *values.shape))
            values = np.stack([slopes[0], values, slopes[1]], axis=1).reshape(-1, values.shape[-1])
        numbers, component = values.astype(np.float32), FLOAT
        if short and kind == "rotation":
            numbers, component = np.rint(values * 32767).astype(np.int16), SHORT
        shape = "VEC3" if kind == "translation" else "VEC4"
        output = writer.accessor(numbers, component, shape, normalized=component == SHORT)
        samplers.append({"input": clock, "output": output, "interpolation": interpolation})
        target = {"node": nodes[bone], "path": kind}
        channels.append({"sampler": len(samplers) - 1, "target": target})

    track(
        "hips",
        "translation",
        root.inv().apply(height * (np.array(OFFSETS_M[0]) + rng.normal(0, 0.1, (5, 3)))),
    )
    for bone, parent in zip(POSE_BONES, PARENTS, strict=True):
        if bone not in bones:
            continue
        above = rests[POSE_BONES[parent]] if parent >= 0 else root
        turns = Rotation.from_rotvec(rng.normal(0, 0.5, (5, 3)))
        track(bone, "rotation", (above.inv() * turns * rests[bone]).as_quat())
    writer.document |= {
        "scene": 0,
        "scenes": [{"nodes": [armature]}],
        "animations": [{"samplers": samplers, "channels": channels}],
        "extensionsUsed": [extension],
        "extensions": {
            extension: {
                "specVersion": "1.0",
                "humanoid": {"humanBones": {bone: {"node": nodes[bone]} for bone in bones}},
            }
        },
    }
    path.write_bytes(writer.glb())


def joints_of(clip: Clip) -> np.ndarray:
    local, hips_m = torch.from_numpy(clip.local), torch.from_numpy(clip.hips_m)
    return forward_kinematics(local, hips_m)[0].numpy()


@pytest.mark.parametrize("bones", [POSE_BONES, tuple(b for b in POSE_BONES if b not in LEFT_OUT)])
@pytest.mark.parametrize(
    ("interpolation", "short"),
    [("STEP", False), ("LINEAR", False), ("LINEAR", True), ("CUBICSPLINE", False)],
)
def test_a_foreign_animation_puts_every_joint_where_the_reference_does(
    tmp_path: Path, interpolation: str, short: bool, bones: tuple[str, ...]
) -> None:
    write_foreign(tmp_path / "wave.vrma", interpolation, bones=bones, short=short)
    (clip,) = read_vrma(tmp_path / "wave.vrma")
    assert (clip.name, clip.fps) == ("wave", 30)
    assert [bone for bone, known in zip(POSE_BONES, clip.known, strict=True) if known] == list(
        bones
    )
    times_s = [frame / 30 for frame in range(len(clip.local))]
    theirs = reference_joints(tmp_path / "wave.vrma", times_s, PARENTS, np.array(OFFSETS_M))
    np.testing.assert_allclose(joints_of(clip), theirs, atol=1e-3)


def altered(path: Path, change: Mapping[str, object]) -> None:
    """Rewrites the document's top-level entries; None takes one away."""
    content = path.read_bytes()
    size = struct.unpack_from("<I", content, 12)[0]
    document = json.loads(content[20 : 20 + size]) | change
    document = {key: value for key, value in document.items() if value is not None}
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = content[20 + size :]
    head = struct.pack("<4sII", b"glTF", 2, 20 + len(text) + len(rest))
    path.write_bytes(head + struct.pack("<I4s", len(text), b"JSON") + text + rest)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"animations": []}, "expected an animation, found none"),
        ({"extensions": None}, "expected the extension VRMC_vrm_animation, found none"),
        ({"extensions": {"VRMC_vrm": {}}}, "found VRMC_vrm; give a VRM animation"),
        ({"extensions": {"VRMC_vrm_animation": {}}}, "expected a humanoid with hips"),
        ({"accessors": []}, "accessor .*the file is damaged"),
        (
            {"accessors": [{"count": 10**12, "componentType": 5126, "type": "SCALAR"}] * 99},
            "at most 10000000 values, found 1000000000000",
        ),
        ({"nodes": []}, "the file is damaged"),
        ({"nodes": [{"children": [0]}] * 23}, "expected"),
        ({"bufferViews": [{"buffer": 0, "byteOffset": 10**9}] * 99}, "cut short"),
    ],
)
def test_a_damaged_animation_is_refused_in_a_sentence(
    tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    write_foreign(tmp_path / "wave.vrma", "LINEAR")
    altered(tmp_path / "wave.vrma", {})
    assert read_vrma(tmp_path / "wave.vrma")
    altered(tmp_path / "wave.vrma", change)
    with pytest.raises(MotionFileError, match=sentence):
        read_vrma(tmp_path / "wave.vrma")


@pytest.mark.parametrize("length", [0, 3, 19, 200, -1])
def test_an_animation_that_is_cut_short_is_refused_in_a_sentence(
    tmp_path: Path, length: int
) -> None:
    write_foreign(tmp_path / "wave.vrma", "LINEAR")
    content = (tmp_path / "wave.vrma").read_bytes()
    (tmp_path / "wave.vrma").write_bytes(content[:length])
    with pytest.raises(MotionFileError, match="expected"):
        read_vrma(tmp_path / "wave.vrma")


def test_a_key_at_the_end_of_time_asks_for_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "wave.vrma"
    write_foreign(path, "LINEAR")
    rng = np.random.default_rng(3)
    rng.normal(0, 1, (len(POSE_BONES), 3))
    last = np.cumsum(rng.uniform(0.05, 0.4, 5)).astype("<f4")[-1:].tobytes()
    assert last in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(last, np.array([1e30], "<f4").tobytes(), 1))
    with pytest.raises(MotionFileError, match=r"at most 3600 s of motion, found keys at 1e\+30 s"):
        read_vrma(path)


def test_nested_lists_without_end_are_a_sentence(tmp_path: Path) -> None:
    text = b"[" * 100_000
    head = struct.pack("<4sII", b"glTF", 2, 20 + len(text))
    (tmp_path / "a.vrma").write_bytes(head + struct.pack("<I4s", len(text), b"JSON") + text)
    with pytest.raises(MotionFileError, match="expected a JSON chunk"):
        read_vrma(tmp_path / "a.vrma")
