from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.cut_runs import cut_at, kept
from training.checkpoint import checkpoint_of, new_step, read_json, steps_in, write_json
from training.face.model import STYLE_SIZE
from training.face.style_codes import Codes, Questions, read_codes, write_codes
from training.face.style_flow import (
    TAG_NAMES,
    TAGS,
    StylePrior,
    asked,
    load_prior,
    prior_folder,
    tags_of,
)
from training.face.upper import STYLE_AXES
from training.sample_styles import sample_styles
from training.train_style_prior import PriorSettings, fit_prior, fit_run

pytestmark = pytest.mark.slow

NONE = torch.zeros(1, len(TAGS))


def made_up_codes(count: int, seed: int) -> Codes:
    """A posterior with a bent and a tilted dimension, of another place and size than normal."""
    codes = np.random.default_rng(seed).standard_normal((count, STYLE_SIZE))
    codes[:, 9] = 0.6 * codes[:, 0] ** 2 + 0.3 * codes[:, 9]
    codes[:, 10] = 0.8 * codes[:, 6] + 0.6 * codes[:, 10]
    codes[:, 12] = 2 * codes[:, 12] + 3
    return codes.astype(np.float32)


def wild_prior() -> StylePrior:
    prior = StylePrior(seed=1)
    drawn = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in prior.parameters():
            weight.copy_(0.15 * torch.randn(weight.shape, generator=drawn))
        prior.center.copy_(torch.linspace(-1, 1, STYLE_SIZE))
        prior.spread.copy_(torch.linspace(0.5, 2, STYLE_SIZE))
    return prior


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> StylePrior:
    codes = made_up_codes(6000, 0)
    return fit_prior(
        tmp_path_factory.mktemp("prior"), codes, tags_of(codes), settings=PriorSettings(steps=500)
    )


def some_tags(count: int) -> torch.Tensor:
    return (torch.rand(count, len(TAGS), generator=torch.Generator().manual_seed(3)) < 0.2).float()


def test_the_prior_is_small() -> None:
    assert sum(value.numel() for value in StylePrior().parameters()) < 50_000


def test_a_code_comes_back_from_its_latent() -> None:
    prior, tags = wild_prior(), some_tags(200)
    codes = torch.randn(200, STYLE_SIZE, generator=torch.Generator().manual_seed(0))
    latent, _ = prior.to_latent(codes, tags)
    assert (latent - codes).abs().max() > 0.5
    torch.testing.assert_close(prior.to_code(latent, tags), codes, atol=1e-5, rtol=1e-5)


def test_the_volume_is_that_of_the_jacobian() -> None:
    prior, tags = wild_prior().double(), some_tags(4).double()
    codes = torch.randn(4, STYLE_SIZE, generator=torch.Generator().manual_seed(0)).double()
    _, log_volume = prior.to_latent(codes, tags)
    for code, tag, found in zip(codes, tags, log_volume, strict=True):
        jacobian = torch.autograd.functional.jacobian(
            lambda value, tag=tag: prior.to_latent(value[None], tag[None])[0][0], code
        )
        torch.testing.assert_close(found, torch.linalg.slogdet(jacobian).logabsdet)


def test_an_untrained_prior_is_the_standard_normal() -> None:
    codes = torch.randn(50, STYLE_SIZE, generator=torch.Generator().manual_seed(0))
    wanted = torch.distributions.Normal(0.0, 1.0).log_prob(codes).sum(dim=1)
    torch.testing.assert_close(StylePrior().log_prob(codes, NONE.expand(50, -1)), wanted)


def test_a_tag_is_one_standard_deviation_out_along_its_axes() -> None:
    code = np.zeros((1, STYLE_SIZE))
    assert not tags_of(code).any()
    code[0, [STYLE_AXES.index("smile"), STYLE_AXES.index("brows")]] = -0.8
    held = dict(zip(TAG_NAMES, tags_of(code)[0], strict=True))
    assert [name for name, holds in held.items() if holds] == ["stern"]
    many = np.random.default_rng(0).standard_normal((20_000, STYLE_SIZE))
    np.testing.assert_allclose(tags_of(many).mean(axis=0), 0.159, atol=0.015)


def test_every_tag_speaks_of_axes_there_are() -> None:
    for tag in TAGS:
        assert {*tag.high, *tag.low} <= set(STYLE_AXES)
        assert {*tag.high, *tag.low}


def test_an_unknown_tag_names_the_known_ones() -> None:
    with pytest.raises(SystemExit, match=r"among lively, calm.*found sleepy; leave"):
        asked(["calm", "sleepy"])
    assert asked(["calm"]).nonzero().tolist() == [[TAG_NAMES.index("calm")]]


def test_every_question_is_answered_by_a_code_that_has_what_is_asked() -> None:
    tags = tags_of(made_up_codes(2000, 0))
    rows, told = Questions(tags).draw(5000, np.random.default_rng(0))
    assert (tags[rows] | (told.numpy() == 0)).all()
    counts = told.sum(dim=1)
    assert 0.25 < (counts == 0).float().mean() < 0.35
    assert counts.max() == 3
    # All codes may answer the empty question, with tags or without.
    free = rows[counts.numpy() == 0]
    np.testing.assert_allclose(tags[free].mean(axis=0), tags.mean(axis=0), atol=0.05)


def test_tags_that_no_code_has_together_are_not_asked_for() -> None:
    _, told = Questions(tags_of(made_up_codes(2000, 0))).draw(5000, np.random.default_rng(0))
    both = told[:, TAG_NAMES.index("lively")] * told[:, TAG_NAMES.index("calm")]
    assert not both.any()


def test_styles_without_a_tag_are_like_the_codes(fitted: StylePrior) -> None:
    codes = made_up_codes(6000, 1)
    drawn = fitted.sample(NONE.expand(6000, -1), torch.Generator().manual_seed(0)).numpy()
    spread = codes.std(axis=0)
    np.testing.assert_allclose((drawn.mean(0) - codes.mean(0)) / spread, 0, atol=0.2)
    np.testing.assert_allclose(drawn.std(axis=0) / spread, 1, atol=0.25)
    tilted = np.corrcoef(drawn[:, 6], drawn[:, 10])[0, 1]
    assert 0.65 < tilted < 0.9


def test_the_prior_explains_unseen_codes_better_than_a_gaussian(fitted: StylePrior) -> None:
    codes = torch.from_numpy(made_up_codes(4000, 2))
    seen = torch.from_numpy(made_up_codes(6000, 0))
    gaussian = torch.distributions.MultivariateNormal(seen.mean(dim=0), torch.cov(seen.T))
    with torch.no_grad():
        flow = fitted.log_prob(codes, NONE.expand(4000, -1)).mean()
    assert flow > gaussian.log_prob(codes).mean() + 0.2


def test_a_style_asked_for_by_tag_has_it_far_more_often(fitted: StylePrior) -> None:
    drawn = torch.Generator().manual_seed(0)
    for index, name in enumerate(TAG_NAMES):
        codes = fitted.sample(asked([name]).expand(1000, -1), drawn).numpy()
        assert tags_of(codes)[:, index].mean() > 0.6, name
    free = tags_of(fitted.sample(NONE.expand(4000, -1), drawn).numpy()).mean(axis=0)
    assert free.max() < 0.3


def test_two_tags_can_be_asked_for_together(fitted: StylePrior) -> None:
    names, drawn = ["cheerful", "lively"], torch.Generator().manual_seed(0)
    held = tags_of(fitted.sample(asked(names).expand(1000, -1), drawn).numpy())
    both = held[:, [TAG_NAMES.index(name) for name in names]].all(axis=1)
    assert both.mean() > 0.35  # by chance 0.03


def test_a_fit_that_was_cut_goes_on_to_the_same_prior_and_never_to_other_codes(
    tmp_path: Path,
) -> None:
    codes, settings = made_up_codes(400, 0), PriorSettings(steps=20, seed=4, save_every=8)

    def fit(name: str) -> StylePrior:
        return fit_prior(tmp_path / name, codes, tags_of(codes), settings=settings)

    fit("whole")
    cut_at(15, lambda: fit("cut"))
    assert steps_in(tmp_path / "cut")[-1] == 8
    fit("cut")
    assert kept(tmp_path / "cut") == kept(tmp_path / "whole")
    codes = made_up_codes(400, 1)
    with pytest.raises(SystemExit, match="codes was"):
        fit("cut")


def test_the_prior_is_kept_from_where_held_out_codes_gained_no_more(tmp_path: Path) -> None:
    codes = made_up_codes(100, 0)
    settings = PriorSettings(steps=300, patience=100)
    few = fit_prior(tmp_path, codes, tags_of(codes), settings=settings)
    unseen = torch.from_numpy(made_up_codes(2000, 1))
    normal = torch.distributions.Normal(few.center, few.spread)
    with torch.no_grad():
        found = few.log_prob(unseen, NONE.expand(2000, -1)).mean()
    # Trained to the end on 90 codes it loses tens of nats on others.
    assert found > normal.log_prob(unseen).sum(dim=1).mean() - 0.5


@pytest.mark.parametrize(
    ("codes", "says"),
    [
        (np.zeros((5, STYLE_SIZE), np.float32), "at least 20 recordings, found .* of 5;"),
        (np.zeros((50, 3), np.float32), r"codes \[N, 16\].*found \[50, 3\]"),
        (np.full((50, STYLE_SIZE), np.nan, np.float32), "finite style codes"),
    ],
)
def test_codes_that_cannot_be_fitted_are_named(codes: Codes, says: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=says):
        fit_prior(tmp_path, codes, np.zeros((len(codes), len(TAGS)), bool))


def test_a_run_without_codes_or_prior_says_what_to_do(tmp_path: Path) -> None:
    with new_step(tmp_path, 1):
        pass
    with pytest.raises(SystemExit, match=r"found none; train the face"):
        read_codes(tmp_path)
    (checkpoint_of(tmp_path) / "style_codes.npz").write_bytes(b"nothing")
    with pytest.raises(SystemExit, match="found something else"):
        read_codes(tmp_path)
    with pytest.raises(SystemExit, match="train_style_prior"):
        load_prior(tmp_path)


def test_a_run_keeps_its_prior_and_shows_its_styles(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = made_up_codes(1200, 0)
    with new_step(tmp_path, 1) as checkpoint:
        write_codes(checkpoint, codes, np.repeat(np.arange(60), 20))
    card = fit_run(tmp_path, PriorSettings(steps=150))
    assert card["recordings"] == 60
    shares = card["test"]["has_the_tag"]["cheerful"]
    assert shares["asked"] > shares["not_asked"] + 0.2
    assert read_json(prior_folder(tmp_path) / "style_prior.json")["tags"] == list(TAG_NAMES)
    prior = load_prior(tmp_path)
    drawn = torch.Generator().manual_seed(0)
    held = tags_of(prior.sample(asked(["cheerful"]).expand(4000, -1), drawn).numpy())
    assert held[:, TAG_NAMES.index("cheerful")].mean() == pytest.approx(shares["asked"], abs=0.05)
    picture = sample_styles(tmp_path, ["expressive brows"], 3, seed=0)
    assert picture.name == "styles_expressive-brows.png"
    assert picture.stat().st_size > 10_000
    assert capsys.readouterr().out.count("style = [") == 3


def test_a_prior_for_other_tags_is_refused(tmp_path: Path) -> None:
    with new_step(tmp_path, 1) as checkpoint:
        (checkpoint / "style_prior").mkdir()
        write_json(checkpoint / "style_prior" / "style_prior.json", {"tags": ["happy"]})
    with pytest.raises(SystemExit, match="found one for happy; fit it again"):
        load_prior(tmp_path)
