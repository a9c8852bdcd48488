"""The voices that a client may ask for, in a session and in a response."""

import pytest

from idol_runtime.character import Character
from idol_runtime.character.character import Example, VoiceSettings
from idol_runtime.conversation.models import Models
from idol_runtime.engine.live_character import Member
from idol_runtime.errors import WorkerError
from idol_runtime.speech.engine import VoiceCapabilities
from tests.server.conftest import Event, OpenScene, SteppedStage

HOSHI = Character(
    name="Hoshi",
    persona="You are Hoshi.",
    greeting="Hi, I'm Hoshi!",
    examples=[Example(user="Who are you?", reply="I'm Hoshi!")],
    voice=VoiceSettings(name="af_heart"),
)


def voice(name: object) -> Event:
    return {"audio": {"output": {"voice": name}}}


@pytest.mark.parametrize("name", ["alloy", "marin", "Cedar", "fable", {"id": "onyx"}])
async def test_the_voices_that_openai_names_mean_the_characters_own(
    open_scene: OpenScene, name: object
) -> None:
    scene = await open_scene(character=HOSHI)
    async with scene.client() as client:
        session = await client.update(**voice(name))
        assert session["audio"]["output"]["voice"] == "af_heart"
        answered = (await client.ask("Hi.", **voice(name)))[-1]["response"]
        assert answered["audio"]["output"]["voice"] == "af_heart"
        await client.no_error()
    assert scene.stage.speech.requests[-1].voice == "af_heart"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nosuch", "use one of af_bella, af_heart"),
        ("af_hart", "did you mean af_heart"),
        ("AF_HEART", "did you mean af_heart"),
        ("af_heart:0.3+nobody:0.7", "found `nobody`"),
        ("af_heart:1e308+bf_emma:1e308", "found `1e308`"),
        ("af_heart:nan", "found `nan`"),
        ("af_heart:-1+bf_emma:2", "found `-1`"),
        ("af_heart:0+bf_emma:0", "found `0`"),
        ("af_heart:", "found ``"),
        ("af_heart:inf", "found `inf`"),
        ("af_heart*0.3+bf_emma*0.7", "found `af_heart*0.3`"),
        ("+", "found ``"),
        ("+".join(["af_heart"] * 9), "at most 8 voices"),
        ({"id": "nosuch"}, "found `nosuch`"),
    ],
)
async def test_a_voice_that_is_not_there_is_refused_at_once(
    open_scene: OpenScene, name: object, words: str
) -> None:
    scene = await open_scene(character=HOSHI)
    async with scene.client() as client:
        await client.send({"type": "session.update", "session": voice(name)})
        error = await client.error()
        assert (error["code"], error["param"]) == ("unknown_voice", "session.audio.output.voice")
        assert words in error["message"]
        await client.say("Hi.")
        await client.send({"type": "response.create", "response": voice(name)})
        events = await client.until("error")
        assert events[-1]["error"]["param"] == "response.audio.output.voice"
        assert not any(each["type"] == "response.created" for each in events)
        assert (await client.ask("Hi."))[-1]["response"]["status"] == "completed"
    assert scene.stage.speech.requests[-1].voice == "af_heart"


async def test_a_voice_and_a_blend_of_the_model_are_taken(open_scene: OpenScene) -> None:
    scene = await open_scene(character=HOSHI)
    async with scene.client() as client:
        for name in ("bf_emma", "echo", "af_heart:0.3+bf_emma:0.7"):
            session = await client.update(**voice(name))
            assert session["audio"]["output"]["voice"] == name
            await client.ask("Hi.")
            assert scene.stage.speech.requests[-1].voice == name
        await client.no_error()


async def test_a_voice_is_set_while_its_model_cannot_be_asked(
    open_scene: OpenScene, stage: SteppedStage
) -> None:
    class Down(Models):
        async def voice(self) -> VoiceCapabilities:
            raise WorkerError("The speech process is to be started again later.")

    member = Member("hoshi", HOSHI, Down(stage.dialogue, stage.speech))
    scene = await open_scene(members=[member])
    async with scene.client() as client:
        session = await client.update(**voice("marin"))
        assert session["audio"]["output"]["voice"] == "af_heart"
        session = await client.update(**voice("bf_emma"))
        assert session["audio"]["output"]["voice"] == "bf_emma"
