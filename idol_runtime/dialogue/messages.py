"""What goes into a dialogue model and what comes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from idol_runtime.character import Sampling
from idol_runtime.dialogue.cues import AllowedCues
from idol_runtime.errors import InputError


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: Literal["system", "user", "assistant"]
    content: str


FIRST_WORDS: Final = ChatMessage("user", "Hello.")
"""Read where a character is to speak first: most models were never shown a reply to nothing."""


@dataclass(frozen=True, slots=True)
class DialogueRequest:
    """Asks a dialogue engine for one reply."""

    messages: tuple[ChatMessage, ...]
    """The persona first, what the user just said last."""
    sampling: Sampling
    """What the character changes of the engine's own defaults."""
    max_tokens: int | None = None
    """Of the reply; None leaves it to `sampling` and the engine."""
    seed: int | None = None
    """Draws the reply; None draws a new one each time."""
    priority: int = 0
    """Higher is served first. What nobody waits for has less than 0: it is written in the pauses
    of the others."""
    fresh_against: tuple[str, ...] = ()
    """Earlier replies: to go on as one of them did is made unlikely, more with every word."""
    stop: tuple[str, ...] = ()
    """A reply ends before the first of these."""
    logit_bias: Mapping[str, float] = field(default_factory=dict)
    """Added to the logits of the tokens whose whole text this is, after a space or not."""
    cues: AllowedCues | None = None
    """The tags that the reply may hold, and it holds no other markup then; None for any text."""


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How a reply is sampled; the defaults suit a small chat model that speaks in character.

    Chosen on SmolLM2-135M-Instruct with three personas and ten questions. Warmer than 0.5 it leaves
    its role; cold it repeats itself, which the penalty and the n-gram guard cure. A penalty over
    the prompt makes it avoid its own name, so only the reply counts. Left alone it rambles until
    the limit in nine of ten replies; `enough_tokens` gives two or three whole sentences.
    """

    temperature: float = 0.3
    """0 is greedy."""
    top_p: float = 0.9
    top_k: int = 40
    """0 keeps all tokens."""
    min_p: float = 0.1
    repetition_penalty: float = 1.15
    """For tokens among the last `repetition_window` of the reply; 1 is off."""
    repetition_window: int = 64
    presence_penalty: float = 0.0
    """Taken from the logit of every token that the reply has."""
    frequency_penalty: float = 0.0
    """Taken from a token's logit for each time that the reply has it."""
    dry_multiplier: float = 0.8
    """Taken from the logit of a token that would continue a run of `dry_length` tokens as the
    reply, or one of `fresh_against`, continued it before; times `dry_base` for each token by which
    the run is longer. 0 is off."""
    dry_base: float = 1.75
    dry_length: int = 2
    dry_breakers: tuple[str, ...] = ("\n", ":", '"', "*", "[", "]")
    """A token that holds one of these is no part of a run."""
    fresh_against: tuple[str, ...] = ()
    logit_bias: Mapping[str, float] = field(default_factory=dict)
    no_repeat_ngram: int = 4
    """A reply never has the same run of this many tokens twice; 0 is off."""
    enough_tokens: int = 40
    """A reply this long ends with its sentence; 0 lets the model go on. Speech is for listening."""
    max_tokens: int = 96
    seed: int | None = None
    """Draws the reply; None draws a new one each time."""
    stop: tuple[str, ...] = ()

    def check(self) -> None:
        """Raises InputError when a value is out of its range."""
        ranges = {
            "temperature": (0.0, 5.0),
            "top_p": (0.0, 1.0),
            "top_k": (0, 1_000_000),
            "min_p": (0.0, 1.0),
            "repetition_penalty": (1.0, 5.0),
            "repetition_window": (0, 1_000_000),
            "presence_penalty": (-2.0, 5.0),
            "frequency_penalty": (-2.0, 5.0),
            "dry_multiplier": (0.0, 100.0),
            "dry_base": (1.0, 10.0),
            "dry_length": (1, 1_000),
            "no_repeat_ngram": (0, 1_000),
            "enough_tokens": (0, 1_000_000),
            "max_tokens": (1, 1_000_000),
            "seed": (0, 2**63),
        }
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise InputError(
                    f"Expected {name} between {least} and {most}, found {value}; change it in the "
                    "character's sampling or in the request."
                )


@dataclass(frozen=True, slots=True)
class PrefillProgress:
    """A part of the prompt has been read."""

    done_tokens: int
    total_tokens: int


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Some whole characters of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class GenerationDone:
    """The last item of every reply."""

    finish_reason: Literal["stop", "length", "context"]
    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens whose attention state was reused."""
    completion_tokens: int = 0
    ttft_s: float | None = None
    """From the request to the first text; None where the engine does not measure it."""
    decode_tokens_per_s: float | None = None
    """In the steps it had a part in; None when fewer than two tokens were made, too."""
    cache_bytes: int = 0
    """Attention state that the engine holds, of all conversations."""
    cache_evictions: int = 0
    """Conversations whose state gave way to others since an earlier reply ended."""


Generated: TypeAlias = PrefillProgress | TextDelta | GenerationDone
