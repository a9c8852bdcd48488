"""Functions that a client declares, and actions of a character, on the wire."""

import json
from typing import Any

import pytest
from msgspec.structs import replace
from openai.types import realtime
from pydantic import TypeAdapter

from idol_runtime.character import Action, checked_actions
from tests.server.conftest import HOSHI, Event, OpenScene, Scene

GIVE: Event = {
    "type": "function",
    "name": "give_item",
    "description": "gives the player an item",
    "parameters": {
        "type": "object",
        "properties": {"item": {"enum": ["sword", "shield"]}, "count": {"type": "integer"}},
        "required": ["item"],
        "additionalProperties": False,
    },
}
ARGUMENTS = '{"item": "sword", "count": 2}'
SAYS = ["[happy] Here you are. [give_it", f"em {ARGUMENTS}] Take", " good care!"]
OPENS = checked_actions([Action("open_shop", "opens the shop")], "actions")
EVENTS: TypeAdapter[Any] = TypeAdapter(realtime.RealtimeServerEvent)


def named(events: list[Event], kind: str) -> list[Event]:
    return [each for each in events if each["type"] == kind]


async def test_a_declared_function_is_called_as_the_realtime_api_does_it(scene: Scene) -> None:
    scene.stage.dialogue.deltas = SAYS
    async with scene.client() as client:
        session = await client.update(tools=[GIVE], tool_choice="auto")
        assert session["tools"][0]["name"] == "give_item"
        events = await client.ask("A sword, please.")
    for event in events:
        EVENTS.validate_python(event)
    done = named(events, "response.done")[0]["response"]
    message, call = done["output"]
    assert message["content"][0]["transcript"] == "Here you are. Take good care!"
    assert (call["type"], call["name"], call["arguments"]) == (
        *("function_call", "give_item", ARGUMENTS),
    )
    added = named(events, "response.output_item.added")[1]
    [delta] = named(events, "response.function_call_arguments.delta")
    [arguments] = named(events, "response.function_call_arguments.done")
    assert added["item"] == call | {"status": "in_progress", "arguments": ""}
    assert added["output_index"] == delta["output_index"] == arguments["output_index"] == 1
    assert delta["delta"] == arguments["arguments"] == ARGUMENTS
    assert delta["call_id"] == arguments["call_id"] == call["call_id"]
    assert delta["item_id"] == arguments["item_id"] == call["id"]
    assert named(events, "conversation.item.done")[-1]["item"] == call
    request = scene.stage.dialogue.requests[-1]
    assert request.cues is not None
    assert [each.name for each in request.cues.actions] == ["give_item"]
    assert request.messages[0].content.endswith(
        'You can act: give_item {"item": "sword|shield", "count?": number} '
        "(gives the player an item)."
    )


async def test_ours_is_told_at_its_place_of_the_timeline(scene: Scene) -> None:
    scene.stage.dialogue.deltas = SAYS
    async with scene.client("idol.v1") as client:
        await client.update(tools=[GIVE])
        events = await client.ask("A sword, please.")
    [action] = named(events, "idol.action")
    assert (action["name"], action["arguments"]) == ("give_item", ARGUMENTS)
    started = named(events, "idol.utterance.started")
    assert action["pts_us"] >= started[0]["pts_us"]
    done = named(events, "response.done")[0]["response"]
    assert action["response_id"] == done["id"]
    assert action["call_id"] == done["output"][1]["call_id"]
    assert named(events, "idol.emotion")[0]["emotion"]["happy"] > 0.5


async def test_what_came_of_it_is_known_in_the_next_answer(scene: Scene) -> None:
    scene.stage.dialogue.deltas = SAYS
    async with scene.client() as client:
        await client.update(tools=[GIVE])
        call = named(await client.ask("A sword."), "response.done")[0]["response"]["output"][1]
        item = {"type": "function_call_output", "call_id": call["call_id"], "output": "no swords"}
        await client.send({"type": "conversation.item.create", "item": item})
        added = (await client.until("conversation.item.done"))[-1]
        assert added["item"]["output"] == "no swords"
        assert added["previous_item_id"] == call["id"]
        scene.stage.dialogue.deltas = ["Oh, they are sold out."]
        await client.send({"type": "response.create"})
        await client.until("response.done")
    *_, spoken, told = scene.stage.dialogue.requests[-1].messages
    assert (told.role, told.content) == ("system", "The result of give_item: no swords")
    assert spoken.content == (f"[happy] Here you are. [give_item {ARGUMENTS}] Take good care!")


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"type": "function_call_output", "call_id": "call_9", "output": "x"}, "unknown_call_id"),
        ({"type": "function_call", "name": "give_item", "arguments": "{}"}, "invalid_field"),
    ],
)
async def test_nobody_else_calls_and_no_other_call_has_a_result(
    scene: Scene, item: Event, code: str
) -> None:
    async with scene.client() as client:
        await client.send({"type": "conversation.item.create", "item": item})
        assert (await client.error())["code"] == code
        await client.alive()


@pytest.mark.parametrize("choice", [{"tool_choice": "none"}, {"tools": []}])
async def test_what_was_not_declared_is_not_called(scene: Scene, choice: Event) -> None:
    scene.stage.dialogue.deltas = SAYS
    async with scene.client("idol.v1") as client:
        await client.update(tools=[GIVE])
        events = await client.ask("A sword.", **choice)
    [message] = named(events, "response.done")[0]["response"]["output"]
    assert message["content"][0]["transcript"] == "Here you are. Take good care!"
    assert not named(events, "idol.action")


async def test_a_character_has_actions_of_its_own_without_any_client_declaring_them(
    open_scene: OpenScene,
) -> None:
    scene = await open_scene(character=replace(HOSHI, actions=list(OPENS)))
    scene.stage.dialogue.deltas = ["Come in! [open_shop {}]"]
    async with scene.client("idol.v1") as client:
        events = [await client.next() for _ in range(2)]
        [about] = named(events, "idol.character")
        assert about["character"]["actions"] == ["open_shop"]
        events = await client.ask("Hello?")
        assert named(events, "idol.action")[0]["name"] == "open_shop"
        assert json.loads(named(events, "idol.action")[0]["arguments"]) == {}


@pytest.mark.parametrize(
    ("tools", "says"),
    [
        ("all", "expected a list of functions"),
        ([{"type": "mcp"}], "expected function"),
        ([{"type": "function", "name": 7}], "a name and a description as texts"),
        ([GIVE, GIVE], "each name once"),
        ([{**GIVE, "name": f"act_{at}"} for at in range(40)], "at most 32"),
        ([{**GIVE, "parameters": {"$ref": "#/a"}}], "cannot be kept to"),
    ],
)
async def test_tools_that_cannot_be_had_are_a_sentence(
    scene: Scene, tools: object, says: str
) -> None:
    async with scene.client() as client:
        session = await client.update(tools=tools)
        assert session["tools"] == []
        error = (await client.next())["error"]
        assert error["param"] == "session.tools"
        assert says in error["message"]
        await client.alive()
