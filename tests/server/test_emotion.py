"""What a character feels, on the wire."""

import pytest

from tests.server.conftest import Scene


async def test_a_client_turns_what_is_felt_and_everyone_is_told(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        await client.until("idol.stream.opened")
        wish = {"emotion": {"happy": 0.8, "valence": -1}, "rise_s": 0.25, "fall_s": 3}
        await client.send({"type": "idol.emotion.set", **wish})
        told = (await client.until("idol.emotion"))[-1]
    assert {name: told[name] for name in wish} == wish
    [performer] = scene.stage.performers
    assert told["pts_us"] == performer.frame * 1_000_000 // 30


async def test_how_long_it_takes_may_be_left_out(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        await client.send({"type": "idol.emotion.set", "emotion": {"sad": 1}})
        told = (await client.until("idol.emotion"))[-1]
    assert (told["rise_s"], told["fall_s"]) == (0.4, 8.0)


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        ({"emotion": {"happy": 1.5}}, "emotion.happy"),
        ({"emotion": {"happy": -0.5}}, "emotion.happy"),
        ({"emotion": {"valence": -1.5}}, "emotion.valence"),
        ({"emotion": {"hapy": 0.5}}, "emotion"),
        ({"emotion": {"happy": 1}, "rise_s": 0}, "rise_s"),
        ({"emotion": {"happy": 1}, "fall_s": 1e9}, "fall_s"),
    ],
)
async def test_what_cannot_be_felt_is_refused(
    scene: Scene, wish: dict[str, object], param: str
) -> None:
    async with scene.client("idol.v1") as client:
        await client.send({"type": "idol.emotion.set", **wish})
        error = await client.error()
        assert (error["code"], error["param"]) == ("invalid_field", param)
        await client.alive()
