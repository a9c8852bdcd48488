"""What a dialogue engine is: text in, text out."""

from dataclasses import dataclass
from typing import Any, Protocol

from idol_runtime.dialogue.messages import DialogueRequest, Generated
from idol_runtime.inference.service import Service


@dataclass(frozen=True, slots=True)
class DialogueCapabilities:
    context_length: int
    """Tokens of a prompt and its reply together."""
    languages: tuple[str, ...] = ()
    """BCP 47, those it was made for; empty where nobody knows."""
    keeps_prompts: bool = False
    """Whether the beginning of a prompt that it has read before costs nothing."""


# Any: what a stream is stays the engine's own business.
class Dialogue(Service[DialogueRequest, Any, Generated, DialogueCapabilities], Protocol):
    """A service that answers conversations.

    A reply is `TextDelta`s and, as its last item, one `GenerationDone`; `PrefillProgress` may come
    before the first text.
    """
