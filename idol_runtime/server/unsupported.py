"""Settings of the Realtime API that are not honoured here: what is left out is told."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from idol_protocol.client_events import (
    ClientEvent,
    ResponseCreate,
    ResponseParams,
    SessionPatch,
    SessionUpdate,
)
from idol_protocol.errors import ProtocolError
from idol_protocol.frames import AUDIO_RATE_HZ

MAX_NAMED = 16
"""Fields that one error names; a client may have sent thousands."""
_SHOWN = 64
_UNSUPPORTED: Final[Mapping[str, tuple[str, tuple[object, ...]]]] = {
    "parallel_tool_calls": ("calls stand in the answer, one after the other", (True, False)),
    "prompt": ("stored prompts are not supported; use `instructions`", ({},)),
    "reasoning": ("the dialogue model does not reason apart", ({},)),
    "include": ("nothing can be included", ([],)),
    "tracing": ("nothing is traced", ("auto",)),
    "truncation": ("the oldest turns are left out where they must", ("auto",)),
    "audio.input.format": ("audio input is not supported yet", ()),
    "audio.output.format": ("answers are PCM16 at 24 kHz", ()),
}
"""Why each is left out, and the values besides null that ask for nothing.

How sound would be listened to (`turn_detection`, `transcription`, `noise_reduction`) is not among
them: clients say it unasked, some take every error for the end, and `session.updated` tells that
each is null. The first sound that a client sends is answered with an error.
"""
_ECHOED: Final = ("id", "object", "expires_at", "client_secret")
"""Of the session as it was told; clients send them back, and they cannot be changed."""
_OLD_NAMES: Final[Mapping[str, str]] = {
    "modalities": "output_modalities",
    "voice": "audio.output.voice",
    "speed": "audio.output.speed",
    "max_response_output_tokens": "max_output_tokens",
    "output_audio_format": "audio.output.format",
    "input_audio_format": "audio.input.format",
    "input_audio_transcription": "audio.input.transcription",
    "input_audio_noise_reduction": "audio.input.noise_reduction",
    "turn_detection": "audio.input.turn_detection",
}
"""What the beta of the Realtime API called them."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A field that was not applied."""

    field: str
    """As a dotted path: `session.tools`."""
    reason: str


def unsupported(patch: SessionPatch | ResponseParams, root: str) -> list[LeftOut]:
    """The fields of a patch that ask for what cannot be had."""
    return [
        LeftOut(f"{root}.{path}", reason)
        for path, (reason, harmless) in _UNSUPPORTED.items()
        if (value := _at(patch, path)) is not None and not _is_harmless(path, value, harmless)
    ]


def unknown(event: ClientEvent, text: str | bytes) -> list[LeftOut]:
    """The fields that a session or a response does not have, of an event as it was sent."""
    kind: type[SessionPatch | ResponseParams]
    match event:
        case SessionUpdate():
            root, kind = "session", SessionPatch
        case ResponseCreate() if event.response is not None:
            root, kind = "response", ResponseParams
        case _:
            return []
    try:
        sent = msgspec.json.decode(text)[root]
    except msgspec.DecodeError:  # a number in it that nothing can hold
        sent = {}
    return [
        LeftOut(f"{root}.{path}", _unknown_reason(path, known))
        for path, known in _strangers(sent, _fields_of(kind), "")
        if path not in _ECHOED
    ]


def problem_of(left_out: list[LeftOut]) -> ProtocolError:
    """One sentence on all that was left out."""
    named = [f"`{each.field}` ({each.reason})" for each in left_out[:MAX_NAMED]]
    if more := len(left_out) - len(named):
        named.append(f"{more} more")
    return ProtocolError(
        f"Not applied: {', '.join(named)}; all else is.",
        code="unsupported_field",
        param=left_out[0].field,
    )


@cache
def _fields_of(kind: type[SessionPatch | ResponseParams]) -> inspect.Type:
    return inspect.type_info(kind)  # takes longer than all else an update does


def _at(patch: object, path: str) -> Any:
    value = patch
    for name in path.split("."):
        value = getattr(value, name, None)
    return value


def _is_harmless(path: str, value: object, harmless: tuple[object, ...]) -> bool:
    if path.endswith(".format") and isinstance(value, dict):
        return value.get("type") in (None, "audio/pcm") and value.get("rate") in (
            None,
            AUDIO_RATE_HZ,
        )
    return value in harmless


def _strangers(
    sent: object, kind: inspect.Type, above: str
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Fields that a struct does not have, with those that it has."""
    match kind:
        case inspect.Metadata(type=inner):
            yield from _strangers(sent, inner, above)
        case inspect.UnionType(types=types):
            for each in types:
                if isinstance(each, inspect.StructType):
                    yield from _strangers(sent, each, above)
        case inspect.StructType(fields=fields) if isinstance(sent, dict):
            known = {field.encode_name: field.type for field in fields}
            for name, value in sent.items():
                if name not in known:
                    shown = name if len(name) <= _SHOWN else name[:_SHOWN] + "..."
                    yield above + shown, tuple(known)
                else:
                    yield from _strangers(value, known[name], f"{above}{name}.")


def _unknown_reason(path: str, known: tuple[str, ...]) -> str:
    if path in _OLD_NAMES:
        return f"its name is `{_OLD_NAMES[path]}` now"
    near = get_close_matches(path.rpartition(".")[2], known, n=1)
    return f"unknown; did you mean `{near[0]}`?" if near else "unknown"
