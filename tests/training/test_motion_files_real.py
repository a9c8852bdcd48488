from pathlib import Path

import numpy as np
import pytest
import torch

from idol_protocol.channels import POSE_BONES
from idol_protocol.skeleton import OFFSETS_M
from tests.readers.three import HERE, three_js_joints
from training.humanoid.clip import Clip
from training.humanoid.skeleton import forward_kinematics
from training.motion_files import read_motion
from training.motion_files.bvh import parse_bvh

REAL = HERE / "real"
LIMBS = {
    "test_freebvh": (
        ("UpperArm", "LowerArm", "mixamorig_{}Arm", "mixamorig_{}ForeArm"),
        ("LowerArm", "Hand", "mixamorig_{}ForeArm", "mixamorig_{}Hand"),
        ("UpperLeg", "LowerLeg", "mixamorig_{}UpLeg", "mixamorig_{}Leg"),
        ("LowerLeg", "Foot", "mixamorig_{}Leg", "mixamorig_{}Foot"),
        ("Foot", "Toes", "mixamorig_{}Foot", "mixamorig_{}ToeBase"),
    ),
    "test_mocapbank": (
        ("UpperArm", "LowerArm", "{}Shoulder", "{}Elbow"),
        ("LowerArm", "Hand", "{}Elbow", "{}Wrist"),
        ("UpperLeg", "LowerLeg", "{}Hip", "{}Knee"),
        ("LowerLeg", "Foot", "{}Knee", "{}Ankle"),
    ),
}


def recording(name: str) -> Path:
    if not (REAL / f"{name}.bvh").is_file():
        pytest.skip("bvhtoolbox's recordings are not at hand; run tests/install_counterparts.sh")
    return REAL / f"{name}.bvh"


def joints_of(clip: Clip) -> np.ndarray:
    local, hips_m = torch.from_numpy(clip.local), torch.from_numpy(clip.hips_m)
    return forward_kinematics(local, hips_m)[0].numpy()


@pytest.mark.parametrize("name", LIMBS)
def test_every_joint_of_a_real_recording_is_where_three_js_has_it(name: str) -> None:
    performance = parse_bvh(recording(name).read_text(), name)
    rows = range(0, len(performance.places), 7)
    theirs = three_js_joints(recording(name), [row / performance.fps for row in rows])
    for at, joint in enumerate(performance.joints):
        expected = theirs[joint.replace(":", "_")]
        np.testing.assert_allclose(performance.places[rows, at], expected, atol=0.05)


@pytest.mark.parametrize("name", LIMBS)
def test_the_limbs_of_a_real_recording_point_where_three_js_has_them(name: str) -> None:
    (clip,) = read_motion(recording(name))
    rows = range(0, len(clip.local), 7)
    theirs = three_js_joints(recording(name), [row / clip.fps for row in rows])
    ours = joints_of(clip)[rows]
    for bone, end, start_joint, end_joint in LIMBS[name]:
        for side in ("left", "right"):
            start, stop = (POSE_BONES.index(f"{side}{each}") for each in (bone, end))
            way = ours[:, stop] - ours[:, start]
            way /= np.linalg.norm(OFFSETS_M[stop])
            named = side.capitalize()
            source = theirs[end_joint.format(named)] - theirs[start_joint.format(named)]
            source /= np.linalg.norm(source, axis=-1, keepdims=True)
            cosine = (way * source).sum(-1)
            assert cosine.min() > np.cos(np.radians(0.5)), (side, bone)


@pytest.mark.parametrize("name", LIMBS)
def test_a_real_performer_stands_on_the_floor_and_bends_knees_and_elbows_forward(name: str) -> None:
    (clip,) = read_motion(recording(name))
    joints = joints_of(clip)
    forward = clip.local[:, 0, :, 2]
    for side in ("left", "right"):
        hip, knee, ankle = (
            joints[:, POSE_BONES.index(f"{side}{bone}")]
            for bone in ("UpperLeg", "LowerLeg", "Foot")
        )
        assert (((knee - (hip + ankle) / 2) * forward).sum(-1)).mean() > 0
    lowest = joints[:, [POSE_BONES.index("leftFoot"), POSE_BONES.index("rightFoot")], 1].min(1)
    assert 0 < np.median(lowest) < 0.15
