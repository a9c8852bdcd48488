"""Saturated examples: one of each event with every field set, for fixtures, documents and tests."""

from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from .items import MessageItem, OutputAudio

S = TypeVar("S", bound=msgspec.Struct)


def saturated(event_type: type[S]) -> S:
    """An instance whose every field differs from its default; always the same one."""
    if issubclass(event_type, MessageItem):  # role and content depend on each other
        spoken = OutputAudio(transcript="transcript_1")
        return event_type(id="id_1", status="completed", role="assistant", content=[spoken])
    values = {
        field.name: _value(inspect.type_info(field.type), field.name, field.default)
        for field in msgspec.structs.fields(event_type)
    }
    return event_type(**values)


def _value(kind: inspect.Type, name: str, default: object = msgspec.NODEFAULT) -> Any:
    match kind:
        case inspect.UnionType(types=types):
            concrete = next(each for each in types if not isinstance(each, inspect.NoneType))
            return _value(concrete, name, default)
        case inspect.Metadata(type=inner):
            return _value(inner, name, default)
        case inspect.StructType(cls=cls):
            return saturated(cls)
        case inspect.ListType(item_type=item, min_length=least):
            return [_value(item, name) for _ in range(least or 1)]
        case inspect.DictType():
            return {"key": "value"}
        case inspect.LiteralType(values=values):
            return next((each for each in values if each != default), values[0])
        case inspect.AnyType() | inspect.NoneType():  # what is not supported is null
            return None
        case inspect.BoolType():
            return True
        case inspect.IntType(ge=least):
            return _number(default, least)
        case inspect.FloatType(ge=least):
            return max(0.5, least or 0.0)
        case _:
            return f"{name}_1"


def _number(default: object, least: int | None) -> int:
    value = max(2, least or 0)
    return value + 1 if value == default else value
