import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from training.device import (
    MixedPrecision,
    PrecisionChoice,
    pick_device,
    random_state,
    restore_random_state,
    seed_everything,
)

CPU = torch.device("cpu")


def draws() -> list[float]:
    return [random.random(), float(np.random.random()), torch.rand(()).item()]


def fit(precision: MixedPrecision, steps: int, *, max_norm: float | None = None) -> nn.Linear:
    torch.manual_seed(0)
    layer = nn.Linear(4, 1)
    optimiser = torch.optim.SGD(layer.parameters(), 0.1)
    inputs = torch.randn(64, 4)
    target = inputs @ torch.tensor([[1.0], [-2.0], [0.5], [0.0]])
    for _ in range(steps):
        with precision.autocast():
            loss = (layer(inputs).float() - target).square().mean()
        precision.step(loss, optimiser, max_norm=max_norm)
    return layer


def test_one_seed_repeats_every_generator_and_another_seed_does_not() -> None:
    seed_everything(3)
    first = draws()
    seed_everything(3)
    assert draws() == first
    seed_everything(4)
    assert all(a != b for a, b in zip(draws(), first, strict=True))


def test_a_state_of_chance_survives_saving_and_holds_every_device(tmp_path: Path) -> None:
    seed_everything(5)
    draws()
    torch.save(random_state(), tmp_path / "state.pt")
    expected = draws()
    saved = torch.load(tmp_path / "state.pt", weights_only=True)
    assert ("cuda" in saved) == torch.cuda.is_available()
    seed_everything(6)
    restore_random_state(saved)
    assert draws() == expected


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_state_of_chance_holds_that_of_a_gpu() -> None:
    state = random_state()
    expected = torch.rand(3, device="cuda")
    restore_random_state(state)
    assert torch.equal(torch.rand(3, device="cuda"), expected)


def test_the_device_is_a_gpu_only_where_there_is_one() -> None:
    assert pick_device("cpu").type == "cpu"
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_asking_for_a_missing_gpu_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match=r"CUDA device.*auto"):
        pick_device("cuda")


def test_a_cpu_computes_in_full_precision_unless_told_otherwise() -> None:
    with MixedPrecision(CPU).autocast():
        assert nn.Linear(2, 2)(torch.zeros(1, 2)).dtype == torch.float32
    with MixedPrecision(CPU, "bfloat16").autocast():
        assert nn.Linear(2, 2)(torch.zeros(1, 2)).dtype == torch.bfloat16


def test_a_gpu_without_bfloat16_gets_float16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.amp, "GradScaler", lambda device, enabled: (device, enabled))
    assert MixedPrecision(torch.device("cuda")).dtype == torch.float16
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert MixedPrecision(torch.device("cuda")).dtype == torch.bfloat16


@pytest.mark.parametrize("choice", ["float32", "bfloat16", "float16"])
def test_every_precision_fits_a_line(choice: PrecisionChoice) -> None:
    layer = fit(MixedPrecision(CPU, choice), 60)
    assert layer.weight.dtype == torch.float32
    expected = torch.tensor([[1.0, -2.0, 0.5, 0.0]])
    torch.testing.assert_close(layer.weight.detach(), expected, atol=0.02, rtol=0)


@pytest.mark.parametrize("choice", ["float32", "float16"])
def test_gradients_are_clipped_at_their_true_size(choice: PrecisionChoice) -> None:
    before = fit(MixedPrecision(CPU, choice), 0)
    precision = MixedPrecision(CPU, choice)
    if choice == "float16":  # the first scale is so large that the first steps are skipped
        precision.load_state_dict(precision.state_dict() | {"scale": 8.0})
    after = fit(precision, 1, max_norm=0.5)
    change = [a - b for a, b in zip(after.parameters(), before.parameters(), strict=True)]
    moved = torch.cat([part.flatten() for part in change]).norm().item()
    assert moved == pytest.approx(0.1 * 0.5, rel=1e-2)


def test_a_step_that_overflows_is_skipped_and_the_scale_falls_and_survives_saving() -> None:
    precision = MixedPrecision(CPU, "float16")
    layer = nn.Linear(1, 1)
    weight = layer.weight.item()
    loss = layer(torch.ones(1, 1)).sum() * torch.inf
    before = precision.state_dict().get("scale")
    precision.step(loss, torch.optim.SGD(layer.parameters(), 0.1))
    assert layer.weight.item() == weight
    assert before is not None
    assert precision.state_dict()["scale"] < before
    other = MixedPrecision(CPU, "float16")
    other.load_state_dict(precision.state_dict())
    assert other.state_dict() == precision.state_dict()
    assert MixedPrecision(CPU).state_dict() == {}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("choice", ["auto", "float16"])
def test_a_gpu_fits_a_line_in_half_precision(choice: PrecisionChoice) -> None:
    device = pick_device("cuda")
    precision = MixedPrecision(device, choice)
    assert precision.dtype != torch.float32
    with torch.device(device):
        layer = fit(precision, 60)
    expected = torch.tensor([[1.0, -2.0, 0.5, 0.0]])
    torch.testing.assert_close(layer.weight.detach().cpu(), expected, atol=0.02, rtol=0)
