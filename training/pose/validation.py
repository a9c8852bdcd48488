"""How a pose run is doing, on performances that it does not learn from."""

import torch
from torch import nn

from training.humanoid.skeleton import forward_kinematics
from training.pose.data import PoseClips
from training.pose.model import PoseGenerator, feet_of
from training.tracking import OBJECTIVE


@torch.no_grad()
def validate(generator: nn.Module, clips: PoseClips) -> dict[str, float]:
    """Joints against the teacher's, in centimetres, and feet that are lifted or not as taught."""
    assert isinstance(generator, PoseGenerator)
    device = generator.mean.device
    given = type(clips.given)(*(each.to(device) for each in clips.given))
    motion, _ = generator(given, generator.initial_state(len(clips)))
    local, hips_m, _ = generator.perform(given, generator.initial_state(len(clips)))
    made, _ = forward_kinematics(local, hips_m)
    taught, _ = forward_kinematics(*clips.taught())
    off = (made - taught.to(device)).norm(dim=-1) * 100
    lifts = (
        feet_of(each.to(device)).unflatten(-1, (2, 4))[..., 2] for each in (motion, clips.motion)
    )
    made_up, taught_up = (lift > 0.01 for lift in lifts)
    dance, asked = given.activity[..., -1] > 0.9, given.gesture[..., :10].amax(dim=-1) > 0.9
    plain = off[~dance & ~asked]
    return {
        OBJECTIVE: off.mean().item(),
        "validation/dance_off_cm": off[dance].mean().item() if dance.any() else 0.0,
        "validation/gesture_off_cm": off[asked].mean().item() if asked.any() else 0.0,
        "validation/plain_off_cm": plain.mean().item() if len(plain) else 0.0,
        "validation/steps_missed": (made_up != taught_up).float().mean().item(),
    }
