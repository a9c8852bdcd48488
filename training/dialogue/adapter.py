"""Low-rank changes of a frozen chat model, by peft, and how likely it finds what is said."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from training.dialogue.forest import ForestTensors
from training.dialogue.settings import LoraSettings

ROWS_AT_ONCE: Final = 256
"""Of logits: each row has as many numbers as the vocabulary has tokens."""


class TunedModel:
    """A base with an adapter in it. Only the adapter learns, in float32."""

    def __init__(
        self, base: nn.Module, settings: LoraSettings, *, gradient_checkpointing: bool = False
    ) -> None:
        """Takes over the base: its matrices become parts of adapted ones."""
        model: Any = base
        layers = range(settings.first_layer, model.config.num_hidden_layers)
        config = LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
            target_modules=list(settings.targets),
            layers_to_transform=list(layers),
            task_type="CAUSAL_LM",
        )
        self.module: nn.Module = inject_adapter_in_model(config, model)
        """The causal model, adapter included."""
        if gradient_checkpointing:
            # transformers 5.2x renamed it.
            renamed = getattr(model, "activation_checkpointing_enable", None)
            (renamed or model.gradient_checkpointing_enable)()
            model.enable_input_require_grads()
        learning = {
            name.replace(".default.", ".").replace(".", "/"): weight
            for name, weight in self.module.named_parameters()
            if weight.requires_grad
        }
        for weight in learning.values():
            weight.data = weight.data.float()
        self.weights = nn.ParameterDict(learning)
        """What learns: `model/layers/3/mlp/up_proj/lora_A/weight` and so on."""

    @contextmanager
    def without_adapter(self) -> Iterator[None]:
        """The base as it was, without gradients."""
        with torch.no_grad():
            self._enable(False)
            try:
                yield
            finally:
                self._enable(True)

    def _enable(self, enabled: bool) -> None:
        for part in self.module.modules():
            if isinstance(part, BaseTunerLayer):
                part.enable_adapters(enabled)

    def log_likelihoods(self, read: ForestTensors) -> Tensor:
        """Of each learnt token [L], nats."""
        causal: Any = self.module
        states = causal.model(
            input_ids=read.ids,
            position_ids=read.positions,
            attention_mask=read.seen,
            use_cache=False,
        ).last_hidden_state[0]
        parts = [
            checkpoint(_chosen, causal.lm_head, states[rows], tokens, use_reentrant=False)
            for rows, tokens in zip(
                read.before.split(ROWS_AT_ONCE), read.learnt.split(ROWS_AT_ONCE), strict=True
            )
        ]
        return torch.cat(cast("list[Tensor]", parts))


def _chosen(head: nn.Module, states: Tensor, tokens: Tensor) -> Tensor:
    logits = head(states).float()
    return -functional.cross_entropy(logits, tokens, reduction="none")
