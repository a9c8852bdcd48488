"""Where and how precisely a run computes: the device, mixed precision, the seed."""

import os
import random
from contextlib import AbstractContextManager
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

DeviceChoice: TypeAlias = Literal["auto", "cpu", "cuda"]
PrecisionChoice: TypeAlias = Literal["auto", "float32", "bfloat16", "float16"]


def pick_device(choice: DeviceChoice = "auto") -> torch.device:
    """The device of a run; `auto` is the first GPU when there is one.

    Raises:
        SystemExit: a GPU was asked for and there is none.
    """
    if choice == "cuda" and not torch.cuda.is_available():
        raise SystemExit(
            'Expected a CUDA device, but torch finds none; use device = "auto" or "cpu", '
            "or install a CUDA build of torch and its driver."
        )
    if choice == "auto":
        choice = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(choice)


def seed_everything(seed: int) -> None:
    """Seeds Python, numpy's global generator and torch on every device; makes CUDA repeatable.

    Two runs on one machine with the same seed then give the same weights. Operations of CUDA that
    have no deterministic form warn and run all the same.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    if torch.cuda.is_available():
        # cuBLAS reads this when it starts; without it matrix products differ between runs.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)


def random_state() -> dict[str, Any]:
    """The state of every generator of chance that `seed_everything` seeds; `torch.load` takes it
    with `weights_only`.
    """
    numpy: dict[str, Any] = np.random.get_state(legacy=False)
    keys = torch.from_numpy(numpy["state"]["key"].astype(np.int64))
    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": numpy | {"state": numpy["state"] | {"key": keys}},
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore_random_state(state: dict[str, Any]) -> None:
    """Goes on where `random_state` was taken; GPUs that are no longer there are left out."""
    random.setstate(state["python"])
    numpy = state["numpy"]
    keys = numpy["state"]["key"].numpy().astype(np.uint32)
    np.random.set_state(numpy | {"state": numpy["state"] | {"key": keys}})
    torch.set_rng_state(state["torch"])
    for index, each in enumerate(state.get("cuda", [])[: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(each, index)


class MixedPrecision:
    """Forward passes in half precision, weights and updates in float32.

    `auto` is bfloat16 on a GPU that has it, float16 on any other GPU and float32 on a CPU, where
    half precision is slower. float16 has few exponent bits, so its losses are scaled up before the
    backward pass (Micikevicius et al. 2018, arXiv:1710.03740) and steps with overflow are skipped.

        with precision.autocast():
            loss = ...
        precision.step(loss, optimiser, max_norm=1.0)
    """

    def __init__(self, device: torch.device, choice: PrecisionChoice = "auto") -> None:
        self.device = device
        self.dtype = _dtype(device, choice)
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.dtype == torch.float16)

    @property
    def name(self) -> str:
        """`float32`, `bfloat16` or `float16`."""
        return str(self.dtype).removeprefix("torch.")

    def autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(
            self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32
        )

    def step(
        self,
        loss: Tensor,
        optimiser: torch.optim.Optimizer,
        *,
        max_norm: float | None = None,
    ) -> None:
        """One update: gradients afresh, their norm over all weights clipped to `max_norm`.

        Call it once an iteration and optimiser: float16 adapts its scale at each call.
        """
        optimiser.zero_grad()
        self._scaler.scale(loss).backward()
        if max_norm is not None:
            self._scaler.unscale_(optimiser)
            weights = [weight for group in optimiser.param_groups for weight in group["params"]]
            nn.utils.clip_grad_norm_(weights, max_norm)
        self._scaler.step(optimiser)
        self._scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """The scale; empty unless the precision is float16."""
        return self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._scaler.load_state_dict(state)


def in_float32(device: torch.device) -> AbstractContextManager[Any]:
    """For geometry and phases inside mixed precision: half precision would cost them a degree."""
    return torch.autocast(device.type, enabled=False)


def _dtype(device: torch.device, choice: PrecisionChoice) -> torch.dtype:
    if choice == "auto":
        if device.type != "cuda":
            return torch.float32
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    dtype: torch.dtype = getattr(torch, choice)
    return dtype
