"""All events of the control plane, and how they are read and written.

message = parse_client_event(text)     server side
event = parse_server_event(text)       client side
text = encode_event(event)             either
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar

import msgspec

from . import client_events, idol_events, server_events
from .client_events import ClientEvent
from .errors import ProtocolError
from .server_events import ServerEvent

E = TypeVar("E", bound=ClientEvent | ServerEvent)
Registry: TypeAlias = MappingProxyType[str, type[E]]


def _registry(parent: type[E], *modules: object) -> Registry[E]:
    """Events by their `type`, in the order they are written down."""
    found = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, parent):
                tag = value.__struct_config__.tag
                if isinstance(tag, str) and ("." in tag or tag == "error"):
                    found[tag] = value
    return MappingProxyType(found)


CLIENT_EVENTS: Final[Registry[ClientEvent]] = _registry(ClientEvent, client_events)
"""Every event a client may send, by its `type`."""
SERVER_EVENTS: Final[Registry[ServerEvent]] = _registry(ServerEvent, server_events, idol_events)
"""Every event a server may send, by its `type`."""


class _Envelope(msgspec.Struct):
    type: str
    event_id: str | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_CLIENT = {tag: msgspec.json.Decoder(event) for tag, event in CLIENT_EVENTS.items()}
_SERVER = {tag: msgspec.json.Decoder(event) for tag, event in SERVER_EVENTS.items()}
_ENCODER = msgspec.json.Encoder()
_WHERE = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_QUOTED = re.compile(r"^Invalid (enum )?value .*", re.DOTALL)
_FIELD = re.compile(r"required field `(?P<field>[^`]*)`")


def parse_client_event(text: str | bytes) -> ClientEvent:
    """Read one message of a client.

    Raises:
        ProtocolError: not JSON, not an object, no `type`, unknown `type`, a field of a wrong type.
    """
    return _parse(text, _CLIENT)


def parse_server_event(text: str | bytes) -> ServerEvent:
    """Read one message of a server; raises `ProtocolError` as `parse_client_event` does."""
    return _parse(text, _SERVER)


def is_ours(event: ClientEvent | ServerEvent) -> bool:
    """Whether an event is one of our own, `idol.*`, which the Realtime API does not know."""
    return str(event.__struct_config__.tag).startswith("idol.")


def encode_event(event: ClientEvent | ServerEvent) -> str:
    """JSON of an event, without spaces."""
    return _ENCODER.encode(event).decode()


def _parse(text: str | bytes, decoders: dict[str, msgspec.json.Decoder[E]]) -> E:
    event_id = None
    decoder = None
    try:
        envelope = _ENVELOPE.decode(text)
        event_id = envelope.event_id
        decoder = decoders.get(envelope.type)
        if decoder is None:
            raise _unknown(envelope.type, decoders, event_id)
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise _invalid_field(str(error), event_id, _choices(decoder)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ProtocolError(
            f"Expected one JSON object as a text message, but it cannot be read: {error}.",
            code="invalid_json",
        ) from None


def _unknown(
    tag: str, known: dict[str, msgspec.json.Decoder[E]], event_id: str | None
) -> Exception:
    shown = tag if len(tag) <= 64 else tag[:64] + "..."
    return ProtocolError(
        f"Unknown event type '{shown}'. Known types are {', '.join(known)}.",
        code="unknown_event",
        param="type",
        event_id=event_id,
    )


def _choices(decoder: msgspec.json.Decoder[E] | None) -> dict[str, tuple[object, ...]]:
    """What each field of an event can be, where that is one of a few words."""
    event = None if decoder is None else msgspec.inspect.type_info(decoder.type)
    if not isinstance(event, msgspec.inspect.StructType):
        return {}
    return {
        field.encode_name: tuple(field.type.values)
        for field in event.fields
        if isinstance(field.type, msgspec.inspect.LiteralType)
    }


def _invalid_field(
    problem: str, event_id: str | None, choices: Mapping[str, tuple[object, ...]]
) -> ProtocolError:
    """Turn msgspec's words into a sentence that names the field and what it can be."""
    where = _WHERE.search(problem)
    path = where["path"] if where else ""
    # msgspec quotes the value, which may be what a user said.
    what = _QUOTED.sub("it is not a known value", _WHERE.sub("", problem))
    missing = _FIELD.search(what)
    if missing:
        path = f"{path}.{missing['field']}".lstrip(".")
        sentence = f"The field `{path}` is missing; add it and send the event again."
    elif path:
        sentence = f"The field `{path}` cannot be used: {what}."
        if known := ", ".join(map(str, choices.get(path, ()))):
            sentence = f"{sentence[:-1]}; expected one of {known}."
    else:
        sentence = f"Expected one JSON object with a `type`: {what}."
    return ProtocolError(
        sentence,
        code="missing_field" if missing else "invalid_field",
        param=path or None,
        event_id=event_id,
    )
