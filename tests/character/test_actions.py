from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.character import Action, checked_actions, fits
from idol_runtime.errors import ConfigError

jsonschema = pytest.importorskip("jsonschema")

PLAIN = st.one_of(
    st.integers(-40, 40),
    st.floats(-40, 40, width=16),
    st.booleans(),
    st.none(),
    st.text("ab ", max_size=5),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)
LEAVES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["boolean", "null"])}),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={"minimum": st.integers(-20, 0), "exclusiveMaximum": st.integers(0, 20)},
    ),
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"minLength": st.integers(0, 2), "maxLength": st.integers(2, 5)},
    ),
    st.fixed_dictionaries({"enum": st.lists(st.text("ab ", max_size=3), min_size=1, max_size=3)}),
    st.fixed_dictionaries({"const": st.booleans()}),
    st.just({"type": ["string", "null"], "description": "a name"}),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=2)}),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3).flatmap(
            lambda properties: st.fixed_dictionaries(
                {
                    "type": st.just("object"),
                    "properties": st.just(properties),
                    "required": st.lists(st.sampled_from(sorted(properties)), unique=True)
                    if properties
                    else st.just([]),
                    "additionalProperties": st.just(False),
                }
            )
        ),
    ),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from("abc"), SCHEMAS, max_size=3), VALUES)
def test_what_fits_is_what_json_schema_says(properties: dict[str, Any], value: Any) -> None:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    [checked] = checked_actions([Action("act", "", schema)], "tools")
    assert fits(checked.parameters, value) == jsonschema.Draft202012Validator(schema).is_valid(
        value
    )


def act(parameters: dict[str, Any], name: str = "act") -> Action:
    return Action(name, "", parameters)


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"in": schema}}
    return schema


@pytest.mark.parametrize(
    ("actions", "says"),
    [
        ([act({}, f"act{at}") for at in range(33)], "at most 32, found 33"),
        ([act({}), act({})], "each name once, found act again"),
        ([act({}, "give item")], r"tools\[0\].name: expected a letter"),
        ([Action("act", "x" * 301)], "at most 300 characters"),
        ([act({"type": "string"})], "schema of an object"),
        ([act(deep(7))], "at most 5 deep"),
        ([act({"properties": {"a": {}}})], r"parameters.a.type: expected one of object"),
        ([act({"properties": {"a": {"type": "string", "pattern": "a+"}}})], "found 'pattern'"),
        ([act({"properties": {"a": {"$ref": "#/b"}}})], "expected one of object"),
        ([act({"properties": {"a": {"type": "array"}}})], r"parameters.a.items: expected a JSON"),
        ([act({"properties": {"a": {"enum": []}}})], "a list of values"),
        ([act({"properties": {"a": {"enum": [{}]}}})], "found another value"),
        ([act({"properties": {"a": {"enum": list(range(200))}}})], "at most 128 properties"),
        ([act({"properties": {}, "required": ["b"]})], "names of its properties, found b"),
        ([act({"properties": {"a": {"type": "integer", "minimum": "1"}}})], "expected a number"),
        ([act({"properties": {"a": {"type": "string", "maxLength": 999}}})], "from 0 to 200"),
        (
            [act({"properties": {"a": {"type": "integer", "minimum": 2, "maximum": 1}}})],
            "minimum at most maximum",
        ),
        ([act({"additionalProperties": {"type": "string"}})], "name the properties"),
    ],
)
def test_what_cannot_be_kept_to_is_a_sentence(actions: list[Action], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        checked_actions(actions, "tools")


def test_notes_are_dropped_and_nothing_is_open() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": "Give",
        "properties": {"item": {"type": "string", "description": "what", "default": "x"}},
    }
    [checked] = checked_actions([Action("give", " gives\n it ", schema)], "tools")
    assert checked == Action(
        "give",
        "gives it",
        {
            "type": "object",
            "properties": {"item": {"type": "string"}},
            "required": [],
            "additionalProperties": False,
        },
    )
