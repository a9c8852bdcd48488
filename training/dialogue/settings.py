"""What `training.train_dialogue` is asked for."""

import msgspec

from training.settings import RunSettings


class LoraSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Low-rank changes of a frozen model (Hu et al. 2021, arXiv:2106.09685)."""

    rank: int = 8
    alpha: int = 16
    """Changes are scaled by alpha / rank."""
    dropout: float = 0.0
    first_layer: int = 0
    """Layers before it stay as they are, and cost no backward pass."""
    targets: tuple[str, ...] = (
        *("q_proj", "k_proj", "v_proj", "o_proj"),
        *("gate_proj", "up_proj", "down_proj"),
    )
    """Names of the matrices that change, in every layer."""


class AugmentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is varied, so that a small model learns to read its prompt instead of its data."""

    examples: int = 3
    """At most so many exchanges stand before a conversation, as a character's examples do."""
    examples_share: float = 0.4
    """Part of the conversations that have any."""
    distractors: int = 2
    """At most so many notes that nobody asks for."""
    distractors_share: float = 0.3
    """Part of the answers that are given under any."""
    shuffled_notes: bool = True


class DialogueSettings(RunSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = ""
    """The base: a GGUF file or a folder as transformers writes it, with a ChatML template. Empty
    for a tiny random one, which is only good for a smoke run."""
    data: str = ""
    """The folder of screenplays, with `train/`, `heldout/` and `pairs/`; empty for the one of this
    checkout."""
    characters: tuple[str, ...] = ("idol_runtime/characters/hoshi",)
    """Folders of characters whose persona and examples stand before conversations of the persona
    of that name."""
    characters_share: float = 0.5
    """Part of those conversations; the others keep the persona of the screenplay."""
    lora: LoraSettings = LoraSettings()
    augment: AugmentSettings = AugmentSettings()
    tokens: int = 1024
    """Of a step: conversations are drawn until so many are reached."""
    longest: int = 2048
    """A conversation with more tokens is cut at its end."""
    weight_decay: float = 0.0
    warm_up_steps: int = 20
    gradient_checkpointing: bool = False
    """Half the memory, a third more time."""
    reply_weight: float = 1.0
    """Of the likelihood of replies."""
    preference_weight: float = 0.0
    """Of direct preference optimisation; 0 needs no pairs."""
    preference_beta: float = 0.1
    """How far the model may go from the base for what is preferred; smaller is further."""
    preference_share: float = 0.5
    """Part of the tokens of a step that are pairs, where there are any."""
    validation_tokens: int = 8192
    """Of held-out conversations, drawn once."""
