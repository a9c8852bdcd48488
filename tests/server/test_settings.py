"""What `session.update` and `response.create` set, what they refuse, and what they leave out."""

import pytest

from idol_runtime.character import Character
from idol_runtime.character.character import Example, VoiceSettings
from tests.server.conftest import Event, OpenScene, Scene, SteppedStage

HOSHI = Character(
    name="Hoshi",
    persona="You are Hoshi.",
    greeting="Hi, I'm Hoshi!",
    examples=[Example(user="Who are you?", reply="I'm Hoshi!")],
    voice=VoiceSettings(name="af_heart"),
)


def voice(name: object) -> Event:
    return {"audio": {"output": {"voice": name}}}


TOOL = {"type": "mcp", "server_label": "mine"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tools", [TOOL]),
        ("tools", "all"),
        ("tool_choice", "required"),
        ("tool_choice", {"type": "function", "name": "wave"}),
        ("prompt", {"id": "pmpt_1"}),
        ("tracing", {"workflow_name": "mine"}),
        ("truncation", "disabled"),
        ("truncation", {"type": "retention_ratio", "retention_ratio": 0.5}),
        ("include", ["item.input_audio_transcription.logprobs"]),
        ("reasoning", {"effort": "low"}),
        ("model", "another"),
        ("model", 7),
        ("audio.input.format", {"type": "audio/pcmu"}),
        ("audio.output.format", {"type": "audio/pcma"}),
        ("audio.output.format", "pcm16"),
        ("nonsense", 1),
        ("audio.nonsense", {}),
        ("audio.output.nonsense", None),
        ("voice", "alloy"),
        ("turn_detection", {"type": "server_vad"}),
        ("instruction", "Be kind."),
    ],
)
async def test_what_is_not_supported_is_told_and_the_rest_is_done(
    scene: Scene, field: str, value: object
) -> None:
    patch: Event = {"audio": {"output": {"speed": 1.25}}, "max_output_tokens": 7}
    *above, name = field.split(".")
    holder = patch
    for step in above:
        holder = holder.setdefault(step, {})
    holder[name] = value
    async with scene.client() as client:
        session = await client.update(**patch)
        assert session["max_output_tokens"] == 7
        assert session["audio"]["output"]["speed"] == 1.25
        assert session["tools"] == []
        assert set(session["audio"]["input"].values()) == {None}
        error = (await client.next())["error"]
        assert (error["code"], error["param"]) == ("unsupported_field", f"session.{field}")
        assert error["event_id"] == "mine"
        assert f"`session.{field}`" in error["message"]
        assert error["message"].endswith(".")
        await client.no_error()


async def test_how_sound_would_be_listened_to_is_told_to_be_null(scene: Scene) -> None:
    listening = {
        "turn_detection": {"type": "semantic_vad", "interrupt_response": True},
        "transcription": {"model": "gpt-4o-mini-transcribe"},
        "noise_reduction": {"type": "near_field"},
    }
    async with scene.client() as client:
        session = await client.update(audio={"input": listening}, max_output_tokens=7)
        assert session["max_output_tokens"] == 7
        assert {name: session["audio"]["input"][name] for name in listening} == dict.fromkeys(
            listening
        )
        await client.no_error()


async def test_all_that_is_left_out_stands_in_one_error(scene: Scene) -> None:
    async with scene.client() as client:
        await client.update(tools=[TOOL], tracing={"a": 1}, **{f"x{at}": at for at in range(900)})
        error = (await client.next())["error"]
        assert error["param"] == "session.tools"
        assert "`session.tracing`" in error["message"]
        assert error["message"].endswith("886 more; all else is.")
        await client.no_error()


async def test_a_name_that_is_nearly_right_is_told_with_the_right_one(scene: Scene) -> None:
    async with scene.client() as client:
        await client.update(instruction="Be kind.", modalities=["text"])
        message = (await client.next())["error"]["message"]
    assert "did you mean `instructions`?" in message
    assert "its name is `output_modalities` now" in message


@pytest.mark.parametrize(
    "patch",
    [
        {},
        {"type": "realtime", "id": "sess_1", "object": "realtime.session", "expires_at": 0},
        {"model": "gpt-realtime"},
        {"model": "hoshi"},
        dict.fromkeys(
            ("instructions", "output_modalities", "max_output_tokens", "temperature", "audio")
        ),
        dict.fromkeys(("tools", "tool_choice", "tracing", "prompt", "truncation", "include")),
        {"tools": [], "tool_choice": "auto", "tracing": "auto", "truncation": "auto"},
        {"audio": {"input": None, "output": None}},
        {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}}},
        {"audio": {"input": dict.fromkeys(("turn_detection", "transcription", "format"))}},
        {"audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": None}}},
    ],
)
async def test_what_asks_for_nothing_is_no_error(scene: Scene, patch: Event) -> None:
    async with scene.client() as client:
        before = (await client.next())["session"]
        assert await client.update(**patch) == before
        await client.no_error()


async def test_a_value_that_a_setting_cannot_have_changes_nothing(scene: Scene) -> None:
    async with scene.client() as client:
        before = (await client.next())["session"]
        for patch in ({"temperature": 3}, {"audio": {"output": {"speed": 0.3}}}, voice("nosuch")):
            session = {"instructions": "Be kind.", **patch}
            await client.send({"type": "session.update", "session": session})
            await client.error()
        assert await client.update() == before


async def test_a_response_is_made_without_what_is_not_supported(scene: Scene) -> None:
    async with scene.client() as client:
        await client.say("Hi.")
        response = {"tools": [TOOL], "max_output_tokens": 5, "nonsense": 1}
        await client.send({"type": "response.create", "response": response})
        events = await client.until("response.done")
        errors = [each["error"] for each in events if each["type"] == "error"]
        assert [each["param"] for each in errors] == ["response.tools"]
        assert "`response.nonsense`" in errors[0]["message"]
        assert events[-1]["response"]["status"] == "completed"
    assert scene.stage.dialogue.requests[-1].max_tokens == 5


async def test_instructions_take_the_place_of_the_persona(open_scene: OpenScene) -> None:
    def read(scene: Scene) -> list[str]:
        return [each.content for each in scene.stage.dialogue.requests[-1].messages]

    scene = await open_scene(character=HOSHI)
    example = ["Who are you?", "I'm Hoshi!"]
    async with scene.client() as client:
        assert (await client.next())["session"]["instructions"] == "You are Hoshi."
        await client.ask("One.")
        assert read(scene)[:-1] == ["You are Hoshi.", *example]
        await client.ask("Two.", instructions="Whisper.")
        assert read(scene)[0] == "Whisper."
        assert not set(example) & set(read(scene))
        session = await client.update(instructions="You are a pirate.")
        assert session["instructions"] == "You are a pirate."
        await client.ask("Three.")
        assert read(scene)[0] == "You are a pirate."
        await client.update(instructions="You are Hoshi. It is night.")
        await client.ask("Four.")
        assert read(scene)[:3] == ["You are Hoshi. It is night.", *example]
        session = await client.update(instructions="")
        assert session["instructions"] == "You are Hoshi."
        await client.ask("Five.")
        assert read(scene)[:3] == ["You are Hoshi.", *example]


async def test_who_is_told_what_to_say_first_does_not_greet(open_scene: OpenScene) -> None:
    scene = await open_scene(character=HOSHI)
    async with scene.client() as client:
        response = {"instructions": "Ask who is there."}
        await client.send({"type": "response.create", "response": response})
        await client.until("response.done")
    [request] = scene.stage.dialogue.requests
    assert request.messages[0].content == "Ask who is there."
    assert request.messages[-1].role == "user"


async def test_the_persona_of_a_shared_character_is_its_hosts_to_replace(
    open_scene: OpenScene, stage: SteppedStage
) -> None:
    shared = stage.member(HOSHI, "shared", is_shared=True)
    scene = await open_scene(token="all", host_token="host", members=[shared])
    key = "openai-insecure-api-key."
    async with (
        scene.client("realtime", key + "all") as viewer,
        scene.client("realtime", key + "host") as host,
    ):
        assert (await viewer.next())["session"]["instructions"] == ""
        session = await viewer.update(instructions="You are a pirate.", max_output_tokens=9)
        assert (session["instructions"], session["max_output_tokens"]) == ("", 9)
        assert (await viewer.error())["param"] == "session.instructions"
        await viewer.ask("Hi.", instructions="You are a pirate.")
        assert scene.stage.dialogue.requests[-1].messages[0].content == "You are Hoshi."
        assert (await host.next())["session"]["instructions"] == "You are Hoshi."
        await host.update(instructions="You are a pirate.")
        await host.ask("Hi.")
        assert scene.stage.dialogue.requests[-1].messages[0].content == "You are a pirate."


async def test_sound_is_refused_once_a_connection(scene: Scene) -> None:
    append = {"type": "input_audio_buffer.append", "audio": "AAAA"}
    async with scene.client() as client:
        for _ in range(30):
            await client.send(append)
        await client.send({"type": "input_audio_buffer.clear"})
        assert (await client.error())["code"] == "audio_input_unsupported"
        await client.no_error()
        await client.send({"type": "input_audio_buffer.commit"})
        assert (await client.error())["code"] == "audio_input_unsupported"
