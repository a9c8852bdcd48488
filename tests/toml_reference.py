"""Rows of the pages that tell every key of a TOML file, from the structs that read it."""

import ast
import inspect
import textwrap
from typing import Any

import msgspec


def struct_in(kind: Any) -> tuple[type[Any], bool] | None:
    """The struct that a field holds, if any, and whether it may hold several."""
    match msgspec.inspect.type_info(kind):
        case msgspec.inspect.StructType(cls=struct):
            return struct, False
        case msgspec.inspect.VarTupleType(item_type=msgspec.inspect.StructType(cls=struct)):
            return struct, True
        case msgspec.inspect.ListType(item_type=msgspec.inspect.StructType(cls=struct)):
            return struct, True
    return None


def default(field: msgspec.structs.FieldInfo) -> str:
    """A field's default as TOML writes it, or that it is needed."""
    if field.required:
        return "needed"
    value = field.default
    if value is msgspec.NODEFAULT:
        assert callable(field.default_factory)
        value = field.default_factory()
    return written(value)


def written(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return f"`{str(value).lower()}`"
        case str():
            return f'`"{value}"`'
        case dict():
            return "`{}`"
        case tuple() | list() if len(value) > 5:
            return "all"
        case tuple() | list():
            return f"`[{', '.join(str(each) for each in value)}]`"
    return f"`{value}`"


def docstrings(struct: type[Any]) -> dict[str, str]:
    """What stands in the source below each field, on one line."""
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(struct))).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
            assert isinstance(field.target, ast.Name)
            assert isinstance(below.value, ast.Constant)
            found[field.target.id] = one_line(str(below.value.value))
    return found


def one_line(text: str) -> str:
    return " ".join(text.split())
