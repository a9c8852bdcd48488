import numpy as np
import torch

from idol_protocol.channels import POSE_BONES
from training.pose.data import make_clips
from training.pose.drivers import NOISE
from training.pose.model import PoseGenerator, decode
from training.pose.skeleton import forward_kinematics, quaternion_from_matrix


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
