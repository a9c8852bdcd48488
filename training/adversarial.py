"""Adversarial losses behind one interface: four families, chosen by name.

=================  =======================================  =====================================
family             discriminator minimises                  generator minimises
=================  =======================================  =====================================
`relativistic`     softplus(-(D(real) - D(made))) + R1+R2   softplus(-(D(made) - D(real)))
`non_saturating`   softplus(-D(real)) + softplus(D(made))   softplus(-D(made))
                   + R1
`wgan_gp`          D(made) - D(real) + (|grad D| - 1)^2     -D(made)
                   between real and made
`hinge`            relu(1 - D(real)) + relu(1 + D(made))    -D(made)
                   + R1, when a penalty is asked for
=================  =======================================  =====================================

`relativistic`: "The GAN is dead; long live the GAN!" (Huang et al. 2024, arXiv:2501.05441), which
pairs scores as Jolicoeur-Martineau 2018 (arXiv:1807.00734) and needs both penalties to converge.
`non_saturating`: Goodfellow et al. 2014 (arXiv:1406.2661), with R1 of Mescheder et al. 2018
(arXiv:1801.04406). `wgan_gp`: Gulrajani et al. 2017 (arXiv:1704.00028). `hinge`: Lim and Ye 2017
(arXiv:1705.02894).

R1 and R2 are the mean squared gradient norm of the scores at real (R1) and generated (R2) motion,
weighted penalty / 2; the gradient penalty of `wgan_gp` is weighted penalty.
Shapes: B clips, T frames, C motion channels.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

AdversarialFamily: TypeAlias = Literal["relativistic", "non_saturating", "wgan_gp", "hinge"]
FAMILY_NAMES: Final[tuple[str, ...]] = get_args(AdversarialFamily)

Critic: TypeAlias = Callable[[Tensor], Tensor]
"""Motion [B, T, C] -> scores [B, patches]; condition and mask are bound by the caller."""
ScoreLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Scores of real and of generated motion, each [B, patches] -> a scalar."""
Penalties: TypeAlias = Callable[[Critic, Tensor, Tensor], dict[str, Tensor]]


@dataclass(frozen=True, slots=True)
class LossFamily:
    """What tells one family from another."""

    discriminator: ScoreLoss
    generator: ScoreLoss
    penalties: Penalties
    """Critic, real and generated motion -> named scalars."""
    penalty_share: float = 0.5
    """A named penalty counts this much of the weight that the caller gives."""
    pairs: bool = False
    """Whether the generator's loss looks at real motion too."""


def discriminator_loss(
    critic: Critic,
    real: Tensor,
    generated: Tensor,
    *,
    penalty: float,
    family: AdversarialFamily = "relativistic",
) -> tuple[Tensor, dict[str, float]]:
    """What the critic minimises, and numbers to log.

    Args:
        critic: scores motion.
        real: [B, T, C].
        generated: [B, T, C]; no gradient reaches the generator.
        penalty: weight of the family's penalties; 0 skips them, and their cost.
        family: see the table above.

    Returns:
        A scalar, and `d_loss` (without penalties), `d_margin` (mean real score minus mean
        generated score) and the penalties before weighting: `r1`, `r2` or `gp`.
    """
    rules = FAMILIES[family]
    generated = generated.detach()
    real_scores, generated_scores = critic(real), critic(generated)
    loss = rules.discriminator(real_scores, generated_scores)
    margin = real_scores.mean() - generated_scores.mean()
    metrics = {"d_loss": loss.item(), "d_margin": margin.item()}
    if penalty > 0:
        terms = rules.penalties(critic, real, generated)
        loss = loss + penalty * rules.penalty_share * torch.stack([*terms.values()]).sum()
        metrics |= {name: term.item() for name, term in terms.items()}
    return loss, metrics


def generator_loss(
    critic: Critic, real: Tensor, generated: Tensor, *, family: AdversarialFamily = "relativistic"
) -> Tensor:
    """What the generator minimises: a scalar whose gradients reach only `generated`.

    Only `relativistic` looks at `real`; the others score `generated` alone.
    """
    rules = FAMILIES[family]
    generated_scores = critic(generated)
    real_scores = generated_scores.detach()
    if rules.pairs:
        with torch.no_grad():
            real_scores = critic(real)
    return rules.generator(real_scores, generated_scores)


def pairing_loss(winner: Tensor, loser: Tensor) -> Tensor:
    """softplus(-(winner - loser)): 0 once the winner's scores are far above the loser's.

    The discriminator trains with winner = real, the generator with winner = generated.
    """
    return F.softplus(loser - winner).mean()


def gradient_penalty(critic: Critic, motion: Tensor) -> Tensor:
    """Mean squared gradient norm of the scores at `motion`: R1 on real, R2 on generated."""
    return _score_gradient(critic, motion).square().sum(dim=(1, 2)).mean()


def interpolate_penalty(critic: Critic, real: Tensor, generated: Tensor) -> Tensor:
    """Mean (gradient norm - 1)^2 at one random point between each real and generated clip.

    A clip's score is the mean over its patches, so it is that mean which is held to slope 1.
    """
    if real.shape != generated.shape:
        raise ValueError(
            "Expected as many real as generated clips, of one shape, to interpolate between; "
            f"found {tuple(real.shape)} and {tuple(generated.shape)}."
        )
    share = torch.rand(len(real), 1, 1, device=real.device, dtype=real.dtype)
    # The slope of the square root at 0 is infinite, which would turn a flat critic into NaN.
    squared = _score_gradient(critic, real.lerp(generated, share)).square().sum(dim=(1, 2))
    return ((squared + 1e-12).sqrt() - 1).square().mean()


def _score_gradient(critic: Critic, motion: Tensor) -> Tensor:
    """Gradient [B, T, C] of each clip's mean score, itself differentiable."""
    # Half precision is too coarse for a gradient of a gradient: penalties are always float32.
    with torch.autocast(motion.device.type, enabled=False):
        point = motion.detach().float().requires_grad_(True)
        scores = critic(point)
        (gradient,) = torch.autograd.grad(scores.mean(dim=1).sum(), point, create_graph=True)
    return gradient


def _r1(critic: Critic, real: Tensor, generated: Tensor) -> dict[str, Tensor]:
    return {"r1": gradient_penalty(critic, real)}


def _r1_and_r2(critic: Critic, real: Tensor, generated: Tensor) -> dict[str, Tensor]:
    return {"r1": gradient_penalty(critic, real), "r2": gradient_penalty(critic, generated)}


def _between(critic: Critic, real: Tensor, generated: Tensor) -> dict[str, Tensor]:
    return {"gp": interpolate_penalty(critic, real, generated)}


# Scores of real and of generated motion, in this order.
FAMILIES: Final[Mapping[AdversarialFamily, LossFamily]] = {
    "relativistic": LossFamily(
        discriminator=lambda real, made: pairing_loss(winner=real, loser=made),
        generator=lambda real, made: pairing_loss(winner=made, loser=real),
        penalties=_r1_and_r2,
        pairs=True,
    ),
    "non_saturating": LossFamily(
        discriminator=lambda real, made: F.softplus(-real).mean() + F.softplus(made).mean(),
        generator=lambda real, made: F.softplus(-made).mean(),
        penalties=_r1,
    ),
    "wgan_gp": LossFamily(
        discriminator=lambda real, made: made.mean() - real.mean(),
        generator=lambda real, made: -made.mean(),
        penalties=_between,
        penalty_share=1.0,
    ),
    "hinge": LossFamily(
        discriminator=lambda real, made: F.relu(1 - real).mean() + F.relu(1 + made).mean(),
        generator=lambda real, made: -made.mean(),
        penalties=_r1,
    ),
}
