"""The two models of a turn, in worker processes of their own, opened by the engines they name."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from idol_runtime.character import Character
from idol_runtime.dialogue.config import ENGINE as DECODER
from idol_runtime.dialogue.config import HTTP_ENGINE as HTTP_ENGINE
from idol_runtime.dialogue.config import DecoderRoom
from idol_runtime.dialogue.engine import Dialogue, DialogueCapabilities
from idol_runtime.dialogue.messages import DialogueRequest, Generated, GenerationDone
from idol_runtime.errors import ConfigError
from idol_runtime.inference.engines import EngineNames, OpenEngine
from idol_runtime.inference.process import Room
from idol_runtime.inference.service import ItemOut, RequestIn
from idol_runtime.inference.session import Provider
from idol_runtime.inference.vitals import Patience
from idol_runtime.inference.worker import Worker
from idol_runtime.inference.worker import WorkerEvent as WorkerEvent
from idol_runtime.speech.engine import Voice, VoiceCapabilities, speaks
from idol_runtime.speech.kokoro import ENGINE as KOKORO
from idol_runtime.speech.types import SpeechChunk, SpeechRequest
from idol_runtime.speech.voice_names import check_voice

DIALOGUE_NICENESS: Final = 10
SPEECH_NICENESS: Final = 2
"""A voice that runs dry is heard, a word that is written a little later is not."""
CLAUSES: Final = Room(window=4, streams=8, waiting=100_000)


class StreamingModel(Protocol[RequestIn, ItemOut]):
    """What a turn sees of a model, wherever it runs."""

    def stream(self, request: RequestIn) -> AsyncGenerator[ItemOut, None]:
        """Items for `request`; closing the generator ends the work on it."""
        ...


@dataclass(frozen=True)
class Models:
    """The models a turn talks to."""

    dialogue: StreamingModel[DialogueRequest, Generated]
    speech: StreamingModel[SpeechRequest, SpeechChunk]

    async def voice(self) -> VoiceCapabilities | None:
        """What the voice can do, once it is open; None where nobody knows."""
        return None

    async def context(self) -> int | None:
        """How many tokens the dialogue model reads and writes at most, once it is open; None where
        nobody knows.
        """
        return None

    def has_time_to_read(self) -> bool:
        """Whether the dialogue model keeps what it reads, and nobody waits for it now."""
        return False


@dataclass(frozen=True)
class ModelWorkers(Models):
    """Models in processes of their own."""

    dialogue: Worker[DialogueRequest, Generated, DialogueCapabilities]
    speech: Worker[SpeechRequest, SpeechChunk, VoiceCapabilities]

    async def voice(self) -> VoiceCapabilities:
        """Raises `IdolError` where the model cannot be opened."""
        await self.speech.start()
        return self.speech.capabilities

    async def context(self) -> int:
        """Raises `IdolError` where the model cannot be opened."""
        await self.dialogue.start()
        return self.dialogue.capabilities.context_length

    def has_time_to_read(self) -> bool:
        if self.dialogue.problem is not None or self.dialogue.streaming:
            return False
        return self.dialogue.capabilities.keeps_prompts

    async def check(self, character: Character) -> None:
        """Opens both models and compares what they can do with what the character asks of them.

        Raises:
            ConfigError: a model was not made for the character's language, or its voice is unknown.
            IdolError: a model could not be opened.
        """
        await asyncio.gather(self.dialogue.start(), self.speech.start())
        for part, name, languages in (
            ("voice", character.models.speech, self.speech.capabilities.languages),
            ("dialogue model", character.models.dialogue, self.dialogue.capabilities.languages),
        ):
            if not speaks(languages, character.language):
                raise ConfigError(
                    f"{character.name}: expected a {part} for the language `{character.language}`, "
                    f"found {name} for {', '.join(languages)}; change `language` or `models` in "
                    "character.toml; `idol doctor` tells which languages can be installed."
                )
        if character.voice.name:
            try:
                check_voice(character.voice.name, self.speech.capabilities)
            except ConfigError as error:
                raise ConfigError(
                    f"{character.name}: {error} Change `voice.name` in character.toml."
                ) from None

    @property
    def problem(self) -> str | None:
        """Why no turn can be served now, as a sentence, or None when one can."""
        return self.dialogue.problem or self.speech.problem

    def watch(self, on_event: Callable[[str, WorkerEvent], None]) -> None:
        """Reports what happens to the workers, with the name of each."""
        self.dialogue.on_event = partial(on_event, self.dialogue.name)
        self.speech.on_event = partial(on_event, self.speech.name)

    def watch_replies(self, on_done: Callable[[GenerationDone], None]) -> None:
        """Reports what each reply that the dialogue model ended cost, whoever asked for it."""

        def on_item(item: Generated) -> None:
            if isinstance(item, GenerationDone):
                on_done(item)

        self.dialogue.on_item = on_item

    def begin(self) -> None:
        """See `Worker.begin`."""
        self.dialogue.begin()
        self.speech.begin()

    def drain(self) -> None:
        """See `Worker.drain`."""
        self.dialogue.drain()
        self.speech.drain()

    async def aclose(self) -> None:
        await asyncio.gather(self.dialogue.aclose(), self.speech.aclose())


@dataclass(frozen=True, slots=True)
class ModelFolders:
    """Bundles on disk, verified."""

    dialogue: Path
    speech: Path


def start_models(
    folders: ModelFolders,
    *,
    provider: Provider,
    threads: int,
    room: Room = Room(),  # noqa: B008 - frozen
    decoder: DecoderRoom = DecoderRoom(),  # noqa: B008 - frozen
    patience: Patience = Patience(),  # noqa: B008 - frozen
) -> ModelWorkers:
    """The workers, not yet running; each starts with its first request or `start()`.

    Args:
        folders: The bundles.
        provider: Where they run.
        threads: Of each.
        room: For replies in the dialogue worker; a reply that was let in finds its voice, so that
            clauses may wait without a limit that any number of listeners comes to.
        decoder: For what a dialogue model that runs here keeps of conversations; how many replies
            are written at once is in `room`.
        patience: With either worker.

    Raises:
        BundleError: a bundle names an engine that nothing installed brings.
    """
    dialogue = DIALOGUE_ENGINES.of(folders.dialogue)
    voice = VOICE_ENGINES.of(folders.speech)
    open_dialogue: Callable[[], Dialogue] = partial(dialogue, folders.dialogue, provider, threads)
    if dialogue is _open_decoder:
        settings = replace(decoder, replies=room.streams)
        open_dialogue = partial(_open_decoder, folders.dialogue, provider, threads, settings)
    return ModelWorkers(
        Worker(
            "dialogue",
            open_dialogue,
            room=room,
            niceness=DIALOGUE_NICENESS,
            patience=patience,
        ),
        Worker(
            "speech",
            partial(_open_voice, voice, folders.speech, provider, threads),
            room=CLAUSES,
            niceness=SPEECH_NICENESS,
            patience=patience,
        ),
    )


# Functions of the child: their imports are not for the process that makes frames.


def _open_voice(
    open_voice: OpenEngine[Voice], folder: Path, provider: Provider, threads: int
) -> Voice:
    from idol_runtime.speech.loudness import LevelledVoice
    from idol_runtime.speech.media_rate import at_media_rate

    return LevelledVoice(at_media_rate(open_voice(folder, provider, threads)))


def _open_decoder(
    folder: Path,
    provider: Provider,
    threads: int,
    room: DecoderRoom = DecoderRoom(),  # noqa: B008 - frozen
) -> Dialogue:
    from idol_runtime.dialogue.model import open_decoder

    return open_decoder(folder, provider, threads, room)


def _open_http_mind(folder: Path, provider: Provider, threads: int) -> Dialogue:
    from idol_runtime.dialogue.http_mind import open_http_mind

    return open_http_mind(folder, provider, threads)


def _open_kokoro(folder: Path, provider: Provider, threads: int) -> Voice:
    from idol_runtime.speech.kokoro.model import open_kokoro

    return open_kokoro(folder, provider, threads)


DIALOGUE_ENGINES: EngineNames[Dialogue] = EngineNames(
    "dialogue", DialogueCapabilities, {DECODER: _open_decoder, HTTP_ENGINE: _open_http_mind}
)
VOICE_ENGINES: EngineNames[Voice] = EngineNames("speech", VoiceCapabilities, {KOKORO: _open_kokoro})
