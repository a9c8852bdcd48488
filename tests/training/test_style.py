import math

import numpy as np
import pytest
import torch
from torch import Tensor

from training.face.data import taught_stream
from training.face.model import LIPS, MADE, STYLE_SIZE
from training.face.speech import hummed_utterances
from training.face.style import AXES, hide_channels
from training.face.upper import STYLE_AXES
from training.style import StyleEncoder, axis_loss, combine, kl, posterior_codes, sample

pytestmark = pytest.mark.slow

ALL = torch.ones(1, len(MADE))


def encoder() -> StyleEncoder:
    torch.manual_seed(0)
    return StyleEncoder(torch.full((len(MADE),), 0.1)).eval()


def posteriors(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(seed)
    mean = torch.randn(count, STYLE_SIZE, generator=drawn)
    return mean, -1 - torch.rand(count, STYLE_SIZE, generator=drawn)


def test_the_encoder_is_small() -> None:
    assert sum(value.numel() for value in encoder().parameters()) < 150_000


@pytest.mark.parametrize("frames", [30, 60, 90, 120])
def test_windows_of_any_usual_length_are_read(frames: int) -> None:
    mean, log_variance = encoder()(torch.rand(3, frames, len(MADE)), ALL.expand(3, -1))
    assert mean.shape == log_variance.shape == (3, STYLE_SIZE)


def test_a_channel_that_was_not_captured_is_not_looked_at() -> None:
    model, motion = encoder(), torch.rand(1, 90, len(MADE))
    mask = ALL.clone()
    mask[:, : len(LIPS)] = 0
    other = motion.clone()
    other[..., : len(LIPS)] = torch.rand(1, 90, len(LIPS))
    torch.testing.assert_close(model(motion, mask), model(other, mask))
    assert not torch.allclose(model(motion, ALL)[0], model(other, ALL)[0], atol=1e-3)


def test_that_a_channel_is_missing_is_not_the_same_as_a_still_one() -> None:
    model, mask = encoder(), ALL.clone()
    mask[:, 5] = 0
    motion = torch.zeros(1, 90, len(MADE))
    assert not torch.allclose(model(motion, mask)[0], model(motion, ALL)[0], atol=1e-4)


def test_samples_have_the_moments_of_their_posterior_and_follow_the_seed() -> None:
    mean, log_variance = (value[:1].expand(20_000, -1) for value in posteriors(1))
    drawn = sample(mean, log_variance, torch.Generator().manual_seed(1))
    torch.testing.assert_close(drawn.mean(dim=0), mean[0], atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.var(dim=0), log_variance[0].exp(), atol=0.03, rtol=0)
    again = sample(mean, log_variance, torch.Generator().manual_seed(1))
    torch.testing.assert_close(drawn, again, atol=0, rtol=0)


def test_the_divergence_is_that_of_the_textbook() -> None:
    mean, log_variance = posteriors(6)
    normal = torch.distributions.Normal
    wanted = torch.distributions.kl_divergence(
        normal(mean, (0.5 * log_variance).exp()), normal(0.0, 1.0)
    )
    torch.testing.assert_close(kl(mean, log_variance), wanted.sum(dim=1))
    assert kl(torch.zeros(1, STYLE_SIZE), torch.zeros(1, STYLE_SIZE)).item() == 0


def test_free_nats_leave_a_dimension_alone_that_says_little() -> None:
    mean = torch.full((1, STYLE_SIZE), 0.1, requires_grad=True)
    mean_far = torch.full((1, STYLE_SIZE), 2.0, requires_grad=True)
    for each in (mean, mean_far):
        kl(each, torch.zeros(1, STYLE_SIZE), free_nats=0.1).sum().backward()
    assert mean.grad is not None
    assert mean_far.grad is not None
    assert not mean.grad.any()
    assert mean_far.grad.all()


def test_axes_that_nobody_knows_teach_nothing() -> None:
    mean = torch.randn(4, STYLE_SIZE, requires_grad=True)
    axes = torch.zeros(4, AXES)
    axes[1], axes[2, 3] = torch.nan, torch.nan
    loss = axis_loss(mean, axes)
    loss.backward()
    assert loss.isfinite()
    assert mean.grad is not None
    assert not mean.grad[1].any()
    assert mean.grad[2, 3] == 0
    assert mean.grad[0, :AXES].all()
    assert not mean.grad[:, AXES:].any()
    assert axis_loss(mean, torch.full((4, AXES), torch.nan)).item() == 0


def test_with_a_variance_the_axis_loss_is_a_likelihood() -> None:
    (mean, log_variance), axes = posteriors(5), torch.randn(5, AXES)
    posterior = torch.distributions.Normal(mean[:, :AXES], (0.5 * log_variance[:, :AXES]).exp())
    wanted = -posterior.log_prob(axes).mean() - 0.5 * math.log(2 * math.pi)
    torch.testing.assert_close(axis_loss(mean, axes, log_variance), wanted)


def test_one_window_combines_to_itself() -> None:
    mean, log_variance = posteriors(1)
    torch.testing.assert_close(combine(mean, log_variance), (mean[0], log_variance[0]))


def test_windows_combine_as_evidence_about_one_code() -> None:
    mean, log_variance = posteriors(5)
    found, sureness = combine(mean, log_variance)
    grid = torch.linspace(-8, 8, 4001, dtype=torch.float64)[:, None, None]
    normal = torch.distributions.Normal
    told = normal(mean.double(), (0.5 * log_variance.double()).exp()).log_prob(grid).sum(dim=1)
    density = (told - 4 * normal(0.0, 1.0).log_prob(grid[:, 0])).softmax(dim=0)
    center = (density * grid[:, 0]).sum(dim=0)
    variance = (density * (grid[:, 0] - center).square()).sum(dim=0)
    torch.testing.assert_close(found, center.float(), atol=1e-4, rtol=0)
    torch.testing.assert_close(sureness.exp(), variance.float(), atol=1e-4, rtol=0)


def test_windows_that_say_nothing_leave_the_prior() -> None:
    nothing = torch.zeros(50, STYLE_SIZE)
    mean, log_variance = combine(nothing, nothing)
    assert mean.abs().max() == 0
    assert log_variance.abs().max() < 0.01


def test_hiding_keeps_the_lips_or_all_else_and_never_hides_everything() -> None:
    drawn = torch.Generator().manual_seed(0)
    whole = hide_channels(ALL.expand(3000, -1), 0.4, drawn)
    lips, rest = whole[:, : len(LIPS)].mean(dim=1), whole[:, len(LIPS) :].mean(dim=1)
    assert 0.15 < ((lips == 1) & (rest == 0)).float().mean() < 0.25
    assert 0.15 < ((lips == 0) & (rest == 1)).float().mean() < 0.25
    assert ((lips + rest) >= 1).all()
    only_lips = ALL.clone()
    only_lips[:, len(LIPS) :] = 0
    captured = only_lips.expand(300, -1)
    torch.testing.assert_close(hide_channels(captured, 0.9, drawn), captured)


def test_the_codes_of_recordings_say_which_they_belong_to() -> None:
    rng = np.random.default_rng(0)
    lengths = (200, 40, 95)
    recordings = [
        (rng.random((frames, len(MADE)), np.float32), np.ones(len(MADE), np.float32))
        for frames in lengths
    ]
    codes, groups = posterior_codes(encoder(), recordings, frames=90, samples=3)
    assert groups.tolist() == [0] * 6 + [2] * 3
    assert codes.shape == (9, STYLE_SIZE)
    again, _ = posterior_codes(encoder(), recordings, frames=90, samples=3)
    np.testing.assert_array_equal(codes, again)


def test_the_encoder_learns_to_read_the_axes_of_talkers_it_never_saw() -> None:
    rng, frames, held_out = np.random.default_rng(0), 90, 40
    utterances = hummed_utterances(20, 0)
    streams = [
        taught_stream([utterances[i] for i in rng.integers(20, size=3)], rng) for _ in range(220)
    ]
    streams = [stream for stream in streams if len(stream.target) > frames]
    motion = [torch.from_numpy(stream.target) for stream in streams]
    styles = torch.from_numpy(np.stack([stream.style[0] for stream in streams]))
    torch.manual_seed(0)
    model = StyleEncoder(torch.cat(motion).std(dim=0).clamp_min(0.03))
    steps, batch = 300, 32
    optimiser = torch.optim.AdamW(model.parameters(), 5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, steps)
    for _ in range(steps):
        talkers = rng.integers(len(streams) - held_out, size=batch)
        starts = [int(rng.integers(len(motion[i]) - frames)) for i in talkers]
        seen = [motion[i][start : start + frames] for i, start in zip(talkers, starts, strict=True)]
        mean, log_variance = model(torch.stack(seen), ALL.expand(batch, -1))
        axes = styles[torch.from_numpy(talkers), :AXES]
        loss = axis_loss(mean, axes, log_variance) + 0.01 * kl(mean, log_variance).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    model.eval()
    read = []
    with torch.no_grad():
        for whole in motion[-held_out:]:
            parts = whole[: len(whole) // frames * frames].reshape(-1, frames, len(MADE))
            read.append(combine(*model(parts, ALL.expand(len(parts), -1)))[0])
    found, true = torch.stack(read).numpy(), styles[-held_out:].numpy()
    r = {
        name: np.corrcoef(found[:, i], true[:, i])[0, 1].round(2)
        for i, name in enumerate(STYLE_AXES)
    }
    for name in ("head", "smile", "asymmetry"):
        assert r[name] > 0.5, r
