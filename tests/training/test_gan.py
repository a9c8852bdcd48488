import pytest
import torch
from torch import nn

from training.gan import (
    Discriminator,
    Ema,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    pairing_loss,
    velocity,
)


def test_velocity_is_the_frame_difference_with_a_zero_start() -> None:
    motion = torch.tensor([[[1.0], [3.0], [2.0]]])
    assert velocity(motion).flatten().tolist() == [0.0, 2.0, -1.0]


def test_pairing_loss_falls_as_the_winner_pulls_ahead() -> None:
    behind = pairing_loss(torch.tensor([-1.0]), torch.tensor([1.0]))
    ahead = pairing_loss(torch.tensor([1.0]), torch.tensor([-1.0]))
    assert behind.item() == pytest.approx(2.126928, abs=1e-6)  # log(1 + e^2)
    assert ahead.item() == pytest.approx(0.126928, abs=1e-6)


def test_gradient_penalty_of_a_linear_critic_is_its_squared_weight_norm() -> None:
    weight = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    penalty = gradient_penalty(
        lambda motion: (motion * weight).sum(dim=(1, 2))[:, None], torch.zeros(2, 5, 3)
    )
    assert penalty.item() == pytest.approx(weight.square().sum().item(), rel=1e-5)


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


def test_a_generator_learns_the_spread_of_the_data_from_the_adversary_alone() -> None:
    torch.manual_seed(0)
    critic = Discriminator(1, width=16, strides=(1,))
    generator = nn.Linear(1, 1)
    g_optimiser = torch.optim.Adam(generator.parameters(), 0.02, betas=(0.0, 0.99))
    d_optimiser = torch.optim.Adam(critic.parameters(), 0.003, betas=(0.0, 0.99))
    for _ in range(250):
        real = 2.0 + 0.5 * torch.randn(32, 16, 1)
        generated = generator(torch.randn(32, 16, 1))
        loss, _ = discriminator_loss(critic, real, generated, penalty=0.1)
        d_optimiser.zero_grad()
        loss.backward()
        d_optimiser.step()
        loss = generator_loss(critic, real, generated)
        g_optimiser.zero_grad()
        loss.backward()
        g_optimiser.step()
    sample = generator(torch.randn(4096, 1)).detach()
    assert sample.mean().item() == pytest.approx(2.0, abs=0.35)
    assert sample.std().item() == pytest.approx(0.5, abs=0.35)


def test_ema_follows_the_weights_with_a_ramped_decay() -> None:
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    ema = Ema(module, decay=0.9)
    nn.init.ones_(module.weight)
    ema.update(module, step=0)
    assert ema.module.weight.item() == pytest.approx(0.9)  # decay starts at 1/10
    ema.update(module, step=10_000)
    assert ema.module.weight.item() == pytest.approx(0.91)
