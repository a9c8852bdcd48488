from pathlib import Path

import numpy as np
import pytest
import torch

from idol_protocol.channels import POSE_BONES
from training.pose.amc import BONE_FOR, LIMBS, SOURCE_FPS, read_motion, read_skeleton, retarget
from training.pose.amc import world_rotations as source_rotations
from training.pose.data import make_clips
from training.pose.drivers import NOISE
from training.pose.model import PoseGenerator, decode
from training.pose.skeleton import OFFSETS_M, forward_kinematics, quaternion_from_matrix

DATA = Path(__file__).parents[3] / "shared" / "data" / "body"


def test_the_teacher_plants_its_feet_and_lets_its_arms_hang() -> None:
    clips = make_clips([], 4, 300, np.random.default_rng(0))
    joints, _ = forward_kinematics(clips.local, clips.hips_m)
    for bone in ("leftFoot", "rightFoot"):
        ankle = joints[:, :, POSE_BONES.index(bone)]
        assert (ankle - ankle[:, :1]).abs().max() < 1e-4
    idle = clips.activity[..., 0] > 0.99
    hands = joints[..., [POSE_BONES.index("leftHand"), POSE_BONES.index("rightHand")], 1]
    assert hands[idle].mean() < 1.0


def test_streaming_frame_by_frame_equals_one_pass_over_the_clip() -> None:
    torch.manual_seed(0)
    generator = PoseGenerator(width=24).eval()
    inputs = [torch.randn(2, 20, size) for size in (160, 4, 8, 16, NOISE.size)]
    with torch.no_grad():
        motion, _ = generator(*inputs, generator.initial_state(2))
        local, hips = decode(motion, inputs[3])
        state = generator.initial_state(2)
        for frame in range(20):
            turns, moved, state = generator.step(*[each[:, frame] for each in inputs], state)
            torch.testing.assert_close(
                turns, quaternion_from_matrix(local[:, frame]), atol=1e-5, rtol=0
            )
            torch.testing.assert_close(moved, hips[:, frame], atol=1e-5, rtol=0)


@pytest.mark.data
@pytest.mark.skipif(not DATA.exists(), reason="the real captures are not at hand")
def test_retargeted_capture_keeps_the_directions_of_its_limbs() -> None:
    import tarfile

    with tarfile.open(next(DATA.rglob("*.tar.xz"))) as archive:
        texts = {
            name: archive.extractfile(member).read().decode()
            for member in archive.getmembers()
            if (name := Path(member.name).name) in ("02.asf", "02_05.amc")
        }
    skeleton, motion = read_skeleton(texts["02.asf"]), read_motion(texts["02_05.amc"])
    clip = retarget("02_05", skeleton, motion, fps=30)
    joints, _ = forward_kinematics(torch.from_numpy(clip.local), torch.from_numpy(clip.hips_m))
    world = source_rotations(skeleton, motion)
    for bone, end in LIMBS.items():
        source = skeleton.bones[BONE_FOR[bone]]
        theirs = world[BONE_FOR[bone]].apply(source.direction)[:: SOURCE_FPS // 30]
        ours = (joints[:, POSE_BONES.index(end)] - joints[:, POSE_BONES.index(bone)]).numpy()
        ours /= np.linalg.norm(OFFSETS_M[POSE_BONES.index(end)])
        angle = np.degrees(np.arccos(np.clip((ours * theirs).sum(-1), -1, 1)))
        assert angle.max() < 3.0, bone
