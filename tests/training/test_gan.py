import pytest
import torch

from training.adversarial import generator_loss
from training.gan import Discriminator, PatchCritic, frozen, velocity


def test_velocity_is_the_frame_difference_with_a_zero_start() -> None:
    motion = torch.tensor([[[1.0], [3.0], [2.0]]])
    assert velocity(motion).flatten().tolist() == [0.0, 2.0, -1.0]


def test_masked_channels_do_not_reach_the_scores() -> None:
    torch.manual_seed(0)
    critic = Discriminator(4)
    motion, other = torch.randn(2, 32, 4), torch.randn(2, 32, 4)
    mask = torch.tensor([[1.0, 0.0, 1.0, 0.0]]).expand(2, 4)
    swapped = torch.where(mask[:, None] > 0, motion, other)
    assert torch.equal(critic(motion, mask=mask), critic(swapped, mask=mask))
    assert not torch.equal(critic(motion), critic(swapped))


def test_a_conditional_discriminator_asks_for_its_condition() -> None:
    with pytest.raises(ValueError, match="condition"):
        Discriminator(2, condition_channels=3)(torch.zeros(1, 16, 2))


def test_a_patch_sees_twelve_frames_of_motion_and_velocity_at_stride_one() -> None:
    torch.manual_seed(0)
    critic = PatchCritic(2)
    motion = torch.randn(1, 64, 1).requires_grad_(True)
    signal = torch.cat([motion, velocity(motion)], dim=2).transpose(1, 2)
    (gradient,) = torch.autograd.grad(critic(signal)[0, 16], motion)
    seen = gradient[0, :, 0].nonzero().flatten()
    assert seen.max() - seen.min() + 1 == 12


def test_frozen_critics_pass_gradients_on_and_keep_none() -> None:
    critic = Discriminator(2, width=8)
    critic.critics[0].requires_grad_(False)
    motion = torch.randn(1, 32, 2, requires_grad=True)
    with frozen(critic):
        loss = generator_loss(critic, torch.randn(1, 32, 2), motion)
    loss.backward()
    assert motion.grad is not None
    assert motion.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in critic.parameters())
    trained = {name for name, value in critic.named_parameters() if value.requires_grad}
    assert trained
    assert not any(name.startswith("critics.0.") for name in trained)
