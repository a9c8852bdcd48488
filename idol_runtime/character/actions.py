"""What a character can do beyond its body: actions, with JSON Schemas of their arguments."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from idol_runtime.errors import ConfigError

MAX_ACTIONS: Final = 32
MAX_DEPTH: Final = 5
"""Schemas within schemas."""
MAX_PARTS: Final = 128
"""Properties and values to choose from, of one action."""
MAX_DESCRIPTION: Final = 300
"""Characters of what the dialogue model reads of an action."""
MAX_LENGTH: Final = 200
"""Of text and lists whose length a schema bounds; what has no bound ends with the reply."""

_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")
_NOTES: Final = frozenset(
    {
        *("$schema", "$id", "$comment", "title", "description", "default", "examples", "format"),
        *("deprecated", "strict"),
    }
)
"""Say nothing of what fits."""
_TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")
_LIMITS: Final = {
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), math.inf),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), float(MAX_LENGTH)),
}


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that the character can do in its world; whoever hosts it carries it out. The
    dialogue model calls it inside of a reply, with arguments that are valid by construction.
    """

    name: str
    """What it is called, such as `give_item`: letters, digits, `_` and `-`."""
    description: str = ""
    """What the dialogue model is told of it, in a few words: `gives the player an item`."""
    parameters: dict[str, Any] = {}
    """The JSON Schema of its arguments: an object with `properties` and `required`."""


def checked_actions(actions: Sequence[Action], where: str) -> tuple[Action, ...]:
    """The actions with schemas that name nothing but what constrains the arguments.

    Args:
        actions: As they were declared.
        where: What sentences call the list.

    Raises:
        ConfigError: too many, a name twice, or a schema that is too large or says what cannot be
            kept to.
    """
    if len(actions) > MAX_ACTIONS:
        raise ConfigError(
            f"{where}: expected at most {MAX_ACTIONS}, found {len(actions)}; leave some out."
        )
    names = [each.name for each in actions]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError(f"{where}: expected each name once, found {twice} again; rename one.")
    return tuple(_checked(each, f"{where}[{at}]") for at, each in enumerate(actions))


def fits(schema: Mapping[str, Any], value: object) -> bool:
    """Whether a value is what a checked schema asks for."""
    if "anyOf" in schema:
        return any(fits(each, value) for each in schema["anyOf"])
    if "enum" in schema:
        return any(each == value and type(each) is type(value) for each in schema["enum"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return any(_is(kind, value, schema) for kind in kinds)


def _is(kind: str, value: object, schema: Mapping[str, Any]) -> bool:
    match kind, value:
        case "object", dict():
            known, needed = schema["properties"], schema["required"]
            return (
                all(name in known for name in value)
                and all(name in value for name in needed)
                and all(fits(known[name], each) for name, each in value.items())
            )
        case "array", list():
            return _within(len(value), schema, "Items") and all(
                fits(schema["items"], each) for each in value
            )
        case "string", str():
            return _within(len(value), schema, "Length")
        case "boolean", bool():
            return True
        case (("integer" | "number"), (int() | float())) if not isinstance(value, bool):
            return (kind == "number" or value == int(value)) and (
                schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
                and schema.get("exclusiveMinimum", -math.inf) < value
                and value < schema.get("exclusiveMaximum", math.inf)
            )
        case "null", None:
            return True
    return False


def _within(size: int, schema: Mapping[str, Any], what: str) -> bool:
    return bool(schema.get(f"min{what}", 0) <= size <= schema.get(f"max{what}", math.inf))


def _checked(action: Action, where: str) -> Action:
    if not _NAME.fullmatch(action.name):
        raise ConfigError(
            f"{where}.name: expected a letter, then letters, digits, `_` and `-`, at most 64 "
            f"together, found {action.name[:64]!r}; rename it."
        )
    if len(action.description) > MAX_DESCRIPTION:
        raise ConfigError(
            f"{where}.description: expected at most {MAX_DESCRIPTION} characters, found "
            f"{len(action.description)}; the dialogue model reads it with every reply, so say less."
        )
    reader = _SchemaReader()
    given: Mapping[str, Any] = {"type": "object", **action.parameters}
    schema = reader.read(given, f"{where}.parameters", 0)
    if schema.get("type") != "object":
        raise ConfigError(
            f'{where}.parameters: expected the schema of an object (`"type": "object"`), found '
            "another; put the arguments into its `properties`."
        )
    described = " ".join(action.description.split())
    return Action(action.name, described, schema)


class _SchemaReader:
    """Brings one action's schema into the form that `fits` and the grammar read."""

    def __init__(self) -> None:
        self._parts = 0

    def read(self, schema: object, where: str, depth: int) -> dict[str, Any]:
        if not isinstance(schema, Mapping):
            raise ConfigError(f"{where}: expected a JSON Schema as an object, found another value.")
        if depth > MAX_DEPTH:
            raise ConfigError(
                f"{where}: expected schemas at most {MAX_DEPTH} deep, found more; make it flatter."
            )
        said = {name: value for name, value in schema.items() if name not in _NOTES}
        for one in ("oneOf", "anyOf"):
            if one in said:
                return self._any_of(said, one, where, depth)
        if "const" in said:
            said = {"enum": [said["const"]]}
        if "enum" in said:
            return self._enum(said["enum"], where)
        return self._typed(said, where, depth)

    def _any_of(self, said: Mapping[str, Any], name: str, where: str, depth: int) -> dict[str, Any]:
        choices = said[name]
        if not isinstance(choices, list) or not choices or len(said) > 1:
            raise ConfigError(f"{where}.{name}: expected a list of schemas with nothing beside it.")
        return {
            "anyOf": [
                self.read(each, f"{where}.{name}[{at}]", depth + 1)
                for at, each in enumerate(choices)
            ]
        }

    def _enum(self, values: object, where: str) -> dict[str, Any]:
        plain = (str, int, float, bool, type(None))
        if not isinstance(values, list) or not values:
            raise ConfigError(f"{where}.enum: expected a list of values, found none.")
        for each in values:
            self._count(where)
            if not isinstance(each, plain) or (isinstance(each, str) and len(each) > MAX_LENGTH):
                raise ConfigError(
                    f"{where}.enum: expected numbers, truths and texts of at most {MAX_LENGTH} "
                    "characters, found another value."
                )
        return {"enum": list(values)}

    def _typed(self, said: dict[str, Any], where: str, depth: int) -> dict[str, Any]:
        kinds = said.get("type", "object" if "properties" in said else None)
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if not kinds or any(kind not in _TYPES for kind in kinds):
            raise ConfigError(f"{where}.type: expected one of {', '.join(_TYPES)}.")
        read: dict[str, Any] = {"type": kinds if len(kinds) > 1 else kinds[0]}
        allowed = {"type"}
        if "object" in kinds:
            allowed |= {"properties", "required", "additionalProperties"}
            read |= self._object(said, where, depth)
        if "array" in kinds:
            allowed |= {"items", "minItems", "maxItems"}
            read["items"] = self.read(said.get("items"), f"{where}.items", depth + 1)
        if "string" in kinds:
            allowed |= {"minLength", "maxLength"}
        if "integer" in kinds or "number" in kinds:
            allowed |= {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
        for name in said:
            if name not in allowed:
                raise ConfigError(
                    f"{where}: expected keywords among {', '.join(sorted(allowed))}, found "
                    f"{name[:64]!r}, which cannot be kept to; leave it out."
                )
        for name in said.keys() & _LIMITS.keys():
            read[name] = _limit(said[name], f"{where}.{name}", _LIMITS[name])
        _check_order(read, where)
        return read

    def _object(self, said: Mapping[str, Any], where: str, depth: int) -> dict[str, Any]:
        properties, required = said.get("properties", {}), said.get("required", [])
        if not isinstance(properties, Mapping) or not isinstance(required, list):
            raise ConfigError(f"{where}: expected `properties` as an object, `required` as a list.")
        if not isinstance(said.get("additionalProperties", False), bool):
            raise ConfigError(
                f"{where}.additionalProperties: expected false; name the properties that there are."
            )
        if unknown := [name for name in required if name not in properties]:
            raise ConfigError(
                f"{where}.required: expected names of its properties, found {unknown[0]!s:.64}."
            )
        read = {}
        for name, each in properties.items():
            self._count(where)
            if not isinstance(name, str) or not 0 < len(name) <= 64:
                raise ConfigError(f"{where}.properties: expected names of 1 to 64 characters.")
            read[name] = self.read(each, f"{where}.{name}", depth + 1)
        return {"properties": read, "required": list(required), "additionalProperties": False}

    def _count(self, where: str) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise ConfigError(
                f"{where}: expected at most {MAX_PARTS} properties and values in all, found more; "
                "leave some out."
            )


def _limit(value: object, where: str, most: float) -> float:
    whole = math.isfinite(most)
    if (
        isinstance(value, bool)
        or not isinstance(value, int if whole else (int, float))
        or not math.isfinite(value)
        or abs(value) > 1e15
        or (whole and not 0 <= value <= most)
    ):
        wanted = f"a whole number from 0 to {most:g}" if whole else "a number"
        raise ConfigError(f"{where}: expected {wanted}, found another value.")
    return value


def _check_order(schema: Mapping[str, Any], where: str) -> None:
    for low, high in (
        ("minimum", "maximum"),
        ("minLength", "maxLength"),
        ("minItems", "maxItems"),
    ):
        if schema.get(low, -math.inf) > schema.get(high, math.inf):
            raise ConfigError(f"{where}: expected {low} at most {high}, found more.")
