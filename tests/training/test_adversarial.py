import math

import pytest
import torch
from torch import Tensor, nn

from training.adversarial import (
    FAMILY_NAMES,
    AdversarialFamily,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    interpolate_penalty,
    pairing_loss,
)
from training.gan import Discriminator

FAMILIES: tuple[AdversarialFamily, ...] = ("relativistic", "non_saturating", "wgan_gp", "hinge")


def softplus(value: float) -> float:
    return math.log1p(math.exp(value))


def first_frame(motion: Tensor) -> Tensor:
    """A critic whose score is the first number of the clip; its gradient has norm 1."""
    return motion[:, :1, 0]


def clips(value: float) -> Tensor:
    return torch.full((2, 4, 3), value)


def test_the_families_tested_here_are_all_there_are() -> None:
    assert set(FAMILIES) == set(FAMILY_NAMES)


@pytest.mark.parametrize(
    ("family", "discriminator", "generator"),
    [
        ("relativistic", softplus(-2.5), softplus(2.5)),
        ("non_saturating", softplus(-2.0) + softplus(-0.5), softplus(0.5)),
        ("wgan_gp", -2.5, 0.5),
        ("hinge", 0.5, 0.5),
    ],
)
def test_losses_have_their_closed_form(
    family: AdversarialFamily, discriminator: float, generator: float
) -> None:
    real, made = clips(2.0), clips(-0.5)
    loss, metrics = discriminator_loss(first_frame, real, made, penalty=0, family=family)
    assert loss.item() == pytest.approx(discriminator, abs=1e-6)
    assert metrics == {
        "d_loss": pytest.approx(discriminator, abs=1e-6),
        "d_margin": pytest.approx(2.5),
    }
    assert generator_loss(first_frame, real, made, family=family).item() == pytest.approx(
        generator, abs=1e-6
    )


@pytest.mark.parametrize(
    ("family", "penalties"),
    [
        ("relativistic", {"r1": 9.0, "r2": 9.0}),
        ("non_saturating", {"r1": 9.0}),
        ("wgan_gp", {"gp": 4.0}),
        ("hinge", {"r1": 9.0}),
    ],
)
def test_penalties_of_a_critic_with_slope_three_are_weighted_as_the_papers_do(
    family: AdversarialFamily, penalties: dict[str, float]
) -> None:
    def steep(motion: Tensor) -> Tensor:
        return 3 * first_frame(motion)

    plain, _ = discriminator_loss(steep, clips(2.0), clips(-0.5), penalty=0, family=family)
    loss, metrics = discriminator_loss(steep, clips(2.0), clips(-0.5), penalty=10, family=family)
    found = {name: value for name, value in metrics.items() if not name.startswith("d_")}
    assert found == pytest.approx(penalties, rel=1e-5)
    share = 1.0 if family == "wgan_gp" else 0.5
    expected = plain.item() + 10 * share * sum(penalties.values())
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_the_gradient_penalty_of_wgan_is_zero_for_a_slope_of_one_and_not_for_a_flat_critic() -> (
    None
):
    torch.manual_seed(0)
    real, made = torch.randn(8, 4, 3), torch.randn(8, 4, 3)
    assert interpolate_penalty(first_frame, real, made).item() == pytest.approx(0, abs=1e-9)
    flat = nn.Linear(3, 1)
    nn.init.zeros_(flat.weight)
    penalty = interpolate_penalty(lambda motion: flat(motion)[..., 0], real, made)
    assert penalty.item() == pytest.approx(1, abs=1e-5)
    penalty.backward()
    assert flat.weight.grad is not None
    assert flat.weight.grad.isfinite().all()


def test_the_gradient_penalty_of_wgan_is_taken_between_real_and_generated() -> None:
    points: list[Tensor] = []

    def remember(motion: Tensor) -> Tensor:
        points.append(motion.detach())
        return first_frame(motion)

    torch.manual_seed(0)
    interpolate_penalty(remember, clips(1.0), clips(0.0))
    (point,) = points
    assert (point > 0).all()
    assert (point < 1).all()
    assert (point == point[:, :1, :1]).all()  # one place on the line for a whole clip
    assert point[0, 0, 0] != point[1, 0, 0]


def test_clips_that_cannot_be_paired_are_refused() -> None:
    with pytest.raises(ValueError, match="as many real as generated"):
        interpolate_penalty(first_frame, torch.zeros(2, 4, 3), torch.zeros(3, 4, 3))


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


@pytest.mark.parametrize("family", FAMILIES)
def test_penalties_stay_in_full_precision_inside_mixed_precision(family: AdversarialFamily) -> None:
    torch.manual_seed(0)
    critic = Discriminator(3, width=8)
    real, made = torch.randn(2, 32, 3), torch.randn(2, 32, 3)
    torch.manual_seed(1)
    _, exact = discriminator_loss(critic, real, made, penalty=1, family=family)
    torch.manual_seed(1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, mixed = discriminator_loss(critic, real, made, penalty=1, family=family)
    for name in exact.keys() - {"d_loss", "d_margin"}:
        assert mixed[name] == exact[name]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_of_either_side_lowers_its_loss_and_moves_the_scores_its_way(
    family: AdversarialFamily,
) -> None:
    torch.manual_seed(0)
    critic = Discriminator(3, width=8)
    real, made = torch.randn(8, 32, 3), torch.randn(8, 32, 3).requires_grad_(True)
    before, metrics = discriminator_loss(critic, real, made, penalty=0, family=family)
    before.backward()
    assert made.grad is None
    with torch.no_grad():
        for parameter in critic.parameters():
            assert parameter.grad is not None
            parameter.sub_(parameter.grad, alpha=0.01)
    after, then = discriminator_loss(critic, real, made, penalty=0, family=family)
    assert after.item() < before.item()
    assert then["d_margin"] > metrics["d_margin"]

    before = generator_loss(critic, real, made, family=family)
    (gradient,) = torch.autograd.grad(before, made)
    moved = (made - gradient / gradient.norm()).detach()
    assert generator_loss(critic, real, moved, family=family).item() < before.item()
    assert critic(moved).mean() > critic(made).mean()


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_generator_learns_the_spread_of_the_data_from_the_adversary_alone(
    family: AdversarialFamily,
) -> None:
    torch.manual_seed(0)
    critic = Discriminator(1, width=16, strides=(1,))
    generator = nn.Linear(1, 1)
    g_optimiser = torch.optim.Adam(generator.parameters(), 0.02, betas=(0.0, 0.99))
    d_optimiser = torch.optim.Adam(critic.parameters(), 0.003, betas=(0.0, 0.99))
    for _ in range(300):
        real = 2.0 + 0.5 * torch.randn(32, 16, 1)
        generated = generator(torch.randn(32, 16, 1))
        loss, _ = discriminator_loss(critic, real, generated, penalty=0.3, family=family)
        d_optimiser.zero_grad()
        loss.backward()
        d_optimiser.step()
        loss = generator_loss(critic, real, generated, family=family)
        g_optimiser.zero_grad()
        loss.backward()
        g_optimiser.step()
    sample = generator(torch.randn(4096, 1)).detach()
    assert sample.mean().item() == pytest.approx(2.0, abs=0.35)
    assert sample.std().item() == pytest.approx(0.5, abs=0.35)
