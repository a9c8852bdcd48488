"""A small world to tune a tiny model on."""

from pathlib import Path
from typing import Any

import msgspec
import torch

from training.config import load_config
from training.dialogue.base import Base, open_base
from training.dialogue.material import DialogueMaterial
from training.dialogue.placeholders import DrawnExchange
from training.dialogue.prompts import Scene
from training.dialogue.settings import DialogueSettings

DATA = Path(__file__).parent / "dialogue_data"
CONFIGS = Path(__file__).parents[2] / "training" / "configs"

SHOP = Scene(
    persona="You are Olla, a tinker. A kettle costs 7 coins.",
    actions=('hand_over {"item": "kettle|rope"} (gives an item)', "close_shop {} (ends the day)"),
    examples=(("Hello!", "[happy] Good day!"),),
    exchanges=(
        DrawnExchange(
            ("You are talking with Ida.",), "", "How much is a kettle?", ("[happy] 7, Ida.",)
        ),
        DrawnExchange((), "Wen", "Are you Olla?", ("[nod] I am.",)),
        DrawnExchange(
            ("It rains.", "Ida lost a rope."),
            "",
            "I take a rope.",
            ('Here. [hand_over {"item": "rope"}]', "[sad] Do not lose it again."),
            (('hand_over {"ok": true}',),),
        ),
        DrawnExchange(("It rains.",), "", "Bye.", ("[wave] Bye.",)),
    ),
)


def smoke(**changes: Any) -> DialogueSettings:
    """The smoke configuration on these conversations."""
    settings = load_config(CONFIGS / "dialogue_smoke.toml", DialogueSettings)
    return msgspec.structs.replace(settings, **{"data": str(DATA), "characters": (), **changes})


def tiny() -> Base:
    return open_base("", torch.float32)


def material(**changes: Any) -> DialogueMaterial:
    return DialogueMaterial(smoke(**changes), tiny().chat)
