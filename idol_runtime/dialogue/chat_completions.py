"""OpenAI's chat completions as llama.cpp's server, Ollama, vLLM and others speak them.

Only what all of them know is sent unasked; what some refuse is sent when a character asks for it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from idol_runtime.dialogue.messages import ChatMessage, DialogueRequest, GenerationOptions
from idol_runtime.dialogue.template import Arrangement
from idol_runtime.errors import InputError

ARRANGEMENTS: Final = (
    Arrangement(moves_instructions=True, merges=True),
    Arrangement(moves_instructions=True, merges=True, folds_greeting=True),
    Arrangement(moves_instructions=True, merges=True, folds_greeting=True, folds_system=True),
)
"""A server does not tell what its model's template refuses, so it is tried, the likeliest first."""
MOST_STOPS: Final = 4
"""OpenAI's own limit."""
_THINKING: Final = ("<think>", "</think>")
_EXTRAS: Final = {
    "top_k": ("top_k",),
    "min_p": ("min_p",),
    "repetition_penalty": ("repeat_penalty", "repetition_penalty"),
    "dry_multiplier": ("dry_multiplier",),
}
"""Ours, and what servers of several kinds call it; each passes over the others' names."""


def body_of(
    request: DialogueRequest, model: str, arrangement: Arrangement = ARRANGEMENTS[0]
) -> dict[str, Any]:
    """What is posted: the messages arranged, and how to sample."""
    messages = arrangement.of(_with_notes_in_front(request.messages))
    sampling = request.sampling
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": each.role, "content": each.content.strip()} for each in messages],
        "stream": True,
        "max_tokens": request.max_tokens or sampling.max_tokens or GenerationOptions().max_tokens,
    }
    plain = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
    body |= {key: value for key in plain if (value := getattr(sampling, key)) is not None}
    if request.seed is not None:
        body["seed"] = request.seed
    if request.stop:
        body["stop"] = list(request.stop[:MOST_STOPS])
    for ours, theirs in _EXTRAS.items():
        if (value := getattr(sampling, ours)) is not None:
            body |= dict.fromkeys(theirs, value)
    return body


def _with_notes_in_front(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """System messages behind the first reply or question go in front of the question they are for.

    As messages of their own, many a model's template would refuse them.
    """
    told: list[str] = []
    arranged: list[ChatMessage] = []
    has_begun = False
    for message in messages:
        has_begun = has_begun or message.role != "system"
        if has_begun and message.role == "system":
            told.append(message.content.strip())
        elif told and message.role == "user":
            arranged.append(ChatMessage("user", "\n\n".join([*told, message.content.strip()])))
            told = []
        else:
            arranged.append(message)
    return [*arranged, *(ChatMessage("user", text) for text in told)]


@dataclass(frozen=True, slots=True)
class CompletionPiece:
    """What one event of a stream says."""

    text: str = ""
    finish: Literal["stop", "length"] | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


def piece_of(line: str) -> CompletionPiece | None:
    """Reads one line of a stream; None for what says nothing, `[DONE]` among it.

    Raises:
        InputError: it is no event of a chat completion; the end of a sentence.
    """
    name, _, value = line.partition(":")
    if name != "data" or (value := value.strip()) in ("", "[DONE]"):
        return None
    try:
        event = json.loads(value)
    except (ValueError, RecursionError):
        raise InputError("an event that is not JSON") from None
    if not isinstance(event, dict):
        raise InputError("an event that is no object")
    if "error" in event:
        raise InputError("an error in the middle of the reply")
    choices = event.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else {}
    delta = choice.get("delta") if isinstance(choice, dict) else None
    text = delta.get("content") if isinstance(delta, dict) else None
    finish = choice.get("finish_reason") if isinstance(choice, dict) else None
    usage = event.get("usage")
    return CompletionPiece(
        text if isinstance(text, str) else "",
        None if finish is None else "length" if finish == "length" else "stop",
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
    )


def _count(usage: object, key: str) -> int:
    value = usage.get(key) if isinstance(usage, dict) else None
    return value if isinstance(value, int) else 0


class Unthinking:
    """Takes out what a model thinks aloud before it answers; it is not to be spoken."""

    def __init__(self) -> None:
        self._held = ""
        self._state: Literal["unknown", "thinking", "thought", "talking"] = "unknown"

    def push(self, text: str) -> str:
        """What of all so far may be told now."""
        begin, end = _THINKING
        self._held += text
        if self._state == "unknown":
            start = self._held.lstrip()
            if start.startswith(begin):
                self._state = "thinking"
            elif not begin.startswith(start):
                self._state = "talking"
        if self._state == "thinking" and end in self._held:
            self._state, self._held = "thought", self._held.partition(end)[2]
        if self._state == "thought" and (answer := self._held.lstrip()):
            self._state, self._held = "talking", answer
        return self._told() if self._state == "talking" else ""

    def flush(self) -> str:
        """What is left where the stream ends: a beginning that was no thought after all."""
        return self._told() if self._state == "unknown" else ""

    def _told(self) -> str:
        told, self._held = self._held, ""
        return told
