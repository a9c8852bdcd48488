"""Everything that a client may send: hypothesis strategies made from the types of the events."""

from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

text = st.text(max_size=20)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)


def valid(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Everything that a field of a type may be, as its JSON reads."""
    match kind:
        case inspect.StructType():
            return _valid_struct(kind)
        case inspect.UnionType(types=types):
            return st.one_of([valid(each) for each in types])
        case inspect.Metadata(type=inner):
            return valid(inner)
        case inspect.ListType(item_type=item, min_length=least, max_length=most):
            return st.lists(valid(item), min_size=least or 0, max_size=most or 3)
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(valid(key), valid(value), max_size=3)
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.NoneType():
            return st.none()
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType(ge=low, le=high):
            return st.integers(
                -(2**63) if low is None else low, 2**63 - 1 if high is None else high
            )
        case inspect.FloatType(ge=low, le=high):
            return st.floats(low, high, allow_nan=False, allow_infinity=False)
        case inspect.StrType(min_length=least, max_length=most):
            return st.text(min_size=least or 0, max_size=min(most or 30, 300))
        case inspect.AnyType():
            return json_values
        case _:
            raise AssertionError(f"no strategy for {kind}")


def _valid_struct(kind: inspect.StructType) -> st.SearchStrategy[dict[str, Any]]:
    needed: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for field in kind.fields:
        (needed if field.required else others)[field.encode_name] = valid(field.type)
    if kind.tag_field:
        needed[kind.tag_field] = st.just(kind.tag)
    return st.fixed_dictionaries(needed, optional=others)
