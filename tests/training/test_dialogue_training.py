import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.cut_runs import cut_at, kept
from tests.training.dialogue_scenes import CONFIGS, DATA, SHOP, smoke, tiny
from training.config import load_config
from training.dialogue.adapter import TunedModel
from training.dialogue.forest import Forest
from training.dialogue.material import DialogueMaterial
from training.dialogue.preference import preference_loss, reply_sums
from training.dialogue.prompts import plant
from training.dialogue.settings import DialogueSettings, LoraSettings
from training.dialogue.task import DialogueTask
from training.ingest.shipping import may_ship, read_seen
from training.search.__main__ import main as search
from training.search.space import example_of, read_space, to_settings, with_values
from training.train_dialogue import train
from training.trainer import Trainer

pytestmark = pytest.mark.slow


def trainer(run: Path, **changes: Any) -> Trainer:
    settings = smoke(**{"tokens": 300, **changes})
    base = tiny()
    return Trainer(
        DialogueTask(settings, base, DialogueMaterial(settings, base.chat)), settings, run
    )


def test_the_first_losses_are_those_of_the_day_it_was_written(tmp_path: Path) -> None:
    begun = trainer(tmp_path)
    found = [begun.step(step) for step in range(3)]
    assert [each["loss/total"] for each in found] == pytest.approx(
        [6.7837, 6.8841, 6.7487], abs=2e-3
    )
    assert found[0]["loss/preference"] == pytest.approx(math.log(2), abs=1e-5)


def test_a_run_learns_what_is_said_to_it(tmp_path: Path) -> None:
    lora = LoraSettings(rank=8, alpha=64)
    begun = trainer(tmp_path, steps=60, learning_rate=2e-2, lora=lora, preference_weight=0.0)
    found = [begun.step(step)["loss/reply"] for step in range(60)]
    assert sum(found[-5:]) / 5 < 0.7 * found[0]


def test_a_cut_run_ends_as_one_that_was_not(tmp_path: Path) -> None:
    settings = smoke(steps=4, save_every=2)
    train(settings, tmp_path / "whole")
    cut_at(3, lambda: train(settings, tmp_path / "cut"))
    train(settings, tmp_path / "cut")
    one, other = kept(tmp_path / "whole"), kept(tmp_path / "cut")
    for files in (one, other):
        files.pop("training.pt")
    assert one == other
    assert may_ship(read_seen(tmp_path / "whole").cards)
    card = json.loads((tmp_path / "whole" / "step_4" / "adapter.json").read_text())
    assert (card["base"], card["rank"]) == ("tiny", 2)


def test_a_run_that_goes_on_with_another_model_is_refused(tmp_path: Path) -> None:
    train(smoke(steps=2, save_every=2), tmp_path / "run")
    (tmp_path / "other").mkdir()
    with pytest.raises(SystemExit, match=r"base model was 'tiny' and is 'other'"):
        train(smoke(steps=4, model=str(tmp_path / "other")), tmp_path / "run")


def test_preferences_go_on_from_a_tuned_run(tmp_path: Path) -> None:
    train(smoke(steps=2, save_every=2), tmp_path / "first")
    settings = smoke(steps=2, save_every=2, reply_weight=0.0, preference_weight=1.0)
    train(settings, tmp_path / "second", base=tmp_path / "first")
    first = json.loads((tmp_path / "second" / "metrics.jsonl").read_text().splitlines()[0])
    assert "loss/reply" not in first
    assert first["loss/preference"] != pytest.approx(math.log(2), abs=1e-6)


def test_the_preference_loss_is_that_of_the_paper() -> None:
    tuned, reference = torch.tensor([-3.0, -5.0, -2.0]), torch.tensor([-4.0, -4.0, -2.5])
    found = preference_loss(tuned, reference, [0, 2], [1, 1], beta=0.2)
    margins = [0.2 * ((-3 + 4) - (-5 + 4)), 0.2 * ((-2 + 2.5) - (-5 + 4))]
    expected = sum(-math.log(1 / (1 + math.exp(-margin))) for margin in margins) / 2
    assert found.loss.item() == pytest.approx(expected, rel=1e-6)
    assert found.right.item() == 1
    assert found.margin.item() == pytest.approx(sum(margins) / 2)


def test_an_adapter_that_has_not_moved_prefers_nothing() -> None:
    zeros = torch.zeros(2)
    assert preference_loss(zeros, zeros, [0], [1], beta=0.1).loss.item() == pytest.approx(
        math.log(2)
    )


def test_likelihoods_are_summed_by_reply() -> None:
    found = reply_sums(torch.tensor([-1.0, -2.0, -4.0]), torch.tensor([1, 0, 1]), 3)
    assert found.tolist() == [-2.0, -5.0, 0.0]


def test_preference_training_makes_good_replies_likelier_than_bad_ones(tmp_path: Path) -> None:
    begun = trainer(tmp_path, steps=30, learning_rate=2e-2, reply_weight=0.0, preference_weight=1.0)
    last = [begun.step(step) for step in range(30)][-10:]
    assert sum(each["preference/right"] for each in last) / 10 > 0.9


def test_without_its_adapter_the_model_is_the_base() -> None:
    base = tiny()
    forest = Forest()
    plant(forest, base.chat, SHOP, longest=4000)
    read = forest.tensors()
    model = TunedModel(base.model, LoraSettings(rank=2))
    before = model.log_likelihoods(read).detach()
    with torch.no_grad():
        for weight in model.weights.values():
            weight.add_(0.3)
    assert not torch.allclose(model.log_likelihoods(read), before, atol=1e-3)
    with model.without_adapter():
        assert torch.equal(model.log_likelihoods(read), before)


def test_layers_below_the_first_stay_as_they_are() -> None:
    names = TunedModel(tiny().model, LoraSettings(rank=2, first_layer=1)).weights.keys()
    assert {name.split("/")[2] for name in names} == {"1"}


def test_memory_may_be_saved_without_another_gradient() -> None:
    gradients = []
    for saves in (False, True):
        base = tiny()
        forest = Forest()
        plant(forest, base.chat, SHOP, longest=4000)
        torch.manual_seed(0)
        model = TunedModel(base.model, LoraSettings(rank=2), gradient_checkpointing=saves)
        model.module.train()
        model.log_likelihoods(forest.tensors()).sum().backward()
        gradients.append([weight.grad for weight in model.weights.values()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["dialogue", "dialogue_preference"])
def test_the_space_fits_the_settings(name: str) -> None:
    space = read_space(CONFIGS / "dialogue_space.toml")
    tree = load_config(CONFIGS / f"{name}.toml", dict)
    values = {name: example_of(parameter) for name, parameter in space.items()}
    assert to_settings(with_values(tree, values), DialogueSettings).lora.rank == 4


def test_settings_are_searched_for(tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text("learning_rate = { low = 1e-4, high = 1e-2, log = true }")
    arguments = ["dialogue", "--config", str(CONFIGS / "dialogue_smoke.toml"), "--data", str(DATA)]
    arguments += ["--space", str(tmp_path / "space.toml"), "--study", str(tmp_path / "study")]
    search([*arguments, "--trials", "1", "--threads", "1"])
    assert (tmp_path / "study" / "trial_0000" / "step_6" / "generator.safetensors").exists()
    best = load_config(tmp_path / "study" / "best.toml", DialogueSettings)
    assert best.data == str(DATA)
