"""What a game says is so in its world, on the wire and in the next answer."""

from typing import Any

import pytest

from idol_runtime.mind.mind import make_mind
from tests.server.conftest import OpenScene, SteppedStage


def update(**facts: object) -> dict[str, object]:
    return {"type": "idol.world.update", "facts": facts}


def told(stage: SteppedStage) -> list[str]:
    """What the model was told before the last thing that was said."""
    messages = stage.dialogue.requests[-1].messages[1:]
    return [line for each in messages if each.role == "system" for line in each.content.split("\n")]


async def test_facts_are_known_in_the_next_answer_until_they_are_taken_away(
    open_scene: OpenScene, stage: SteppedStage
) -> None:
    scene = await open_scene(make_hooks=make_mind())
    async with scene.client("idol.v1") as client:
        await client.send(update(shop="The shop is open.", gold=50, rain=True, price=2.5))
        updated = (await client.until("idol.world.updated"))[-1]
        assert updated["facts"] == {
            "shop": "The shop is open.", "gold": 50, "rain": True, "price": 2.5,
        }  # fmt: skip
        await client.ask("Is the shop open?")
        assert told(stage) == ["The shop is open.", "gold: 50", "rain: yes", "price: 2.5"]
        await client.send(update(shop="The shop is closed.", rain=None, price=None, nothing=None))
        updated = (await client.until("idol.world.updated"))[-1]
        assert updated["facts"] == {"gold": 50, "shop": "The shop is closed."}
        await client.ask("And now?")
        assert told(stage) == ["gold: 50", "The shop is closed."]


async def test_each_session_has_the_world_of_its_own_character(
    open_scene: OpenScene, stage: SteppedStage
) -> None:
    scene = await open_scene(make_hooks=make_mind())
    async with scene.client("idol.v1") as one, scene.client("idol.v1") as other:
        await one.send(update(shop="The shop is open."))
        await one.until("idol.world.updated")
        await other.ask("Is the shop open?")
        assert told(stage) == []


async def test_of_a_shared_character_the_host_alone_says_what_is_so(
    open_scene: OpenScene, stage: SteppedStage
) -> None:
    shared = stage.member(is_shared=True)
    scene = await open_scene(members=[shared], host_token="mine", make_hooks=make_mind())
    async with scene.client("idol.v1") as guest:
        await guest.send(update(gold=1_000_000))
        assert (await guest.error())["code"] == "not_in_audience"
        hosting = {"Authorization": "Bearer mine"}
        async with scene.client("idol.v1", additional_headers=hosting) as owner:
            await owner.send(update(gold=50))
            await owner.until("idol.world.updated")
        await guest.ask("How much gold is there?")
        assert told(stage) == ["gold: 50"]


MANY = {f"fact{number}": "x" * 400 for number in range(100)}


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"": 1}, "invalid_field"),
        ({"a": "x" * 501}, "invalid_field"),
        ({"a": {"b": 1}}, "invalid_field"),
        ({"a": [1]}, "invalid_field"),
        ({f"fact{number}": 1 for number in range(201)}, "invalid_field"),
        (MANY, "world_full"),
        (None, "invalid_field"),
    ],
)
async def test_what_is_no_fact_or_too_much_is_refused_and_nothing_of_it_is_so(
    open_scene: OpenScene, stage: SteppedStage, facts: Any, code: str
) -> None:
    scene = await open_scene(make_hooks=make_mind())
    async with scene.client("idol.v1") as client:
        await client.send(update(gold=50))
        await client.until("idol.world.updated")
        await client.send({"type": "idol.world.update", "facts": facts})
        error = await client.error()
        assert error["code"] == code
        assert error["param"] is None or error["param"].startswith("facts")
        await client.ask("Hello.")
        assert told(stage) == ["gold: 50"]
