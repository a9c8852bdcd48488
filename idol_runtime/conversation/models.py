"""The two models of a turn as worker services: what a request holds and how it is served."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from idol_runtime.dialogue.messages import DialogueRequest, Generated, GenerationOptions
from idol_runtime.inference.session import Provider
from idol_runtime.inference.worker import Worker
from idol_runtime.speech.types import SpeechChunk, SpeechRequest

RequestIn = TypeVar("RequestIn", contravariant=True)
ItemOut = TypeVar("ItemOut", covariant=True)


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


@dataclass(frozen=True)
class ModelWorkers(Models):
    """Models in processes of their own."""

    dialogue: Worker[DialogueRequest, Generated]
    speech: Worker[SpeechRequest, SpeechChunk]

    async def aclose(self) -> None:
        await asyncio.gather(self.dialogue.aclose(), self.speech.aclose())


@dataclass(frozen=True, slots=True)
class ModelFolders:
    """Bundles on disk, verified."""

    dialogue: Path
    speech: Path


def start_models(folders: ModelFolders, *, provider: Provider, threads: int) -> ModelWorkers:
    """The workers, not yet running; each starts with its first request or `start()`."""
    return ModelWorkers(
        Worker("dialogue", partial(_DialogueService, folders.dialogue, provider, threads)),
        Worker("speech", partial(_SpeechService, folders.speech, provider, threads), window=4),
    )


class _DialogueService:
    def __init__(self, folder: Path, provider: Provider, threads: int) -> None:
        from idol_runtime.dialogue.model import DialogueModel

        self.model = DialogueModel.open(folder, provider=provider, threads=threads)

    def serve(self, request: DialogueRequest) -> Iterator[Generated]:
        changed = {
            name: value
            for name, value in msgspec.structs.asdict(request.sampling).items()
            if value is not None
        }
        if request.max_tokens is not None:
            changed["max_tokens"] = request.max_tokens
        if request.seed is not None:
            changed["seed"] = request.seed
        return self.model.generate(request.messages, GenerationOptions(**changed))


class _SpeechService:
    def __init__(self, folder: Path, provider: Provider, threads: int) -> None:
        from idol_runtime.speech.kokoro.model import SpeechModel

        self.model = SpeechModel.open(folder, provider=provider, threads=threads)

    def serve(self, request: SpeechRequest) -> Iterator[SpeechChunk]:
        return self.model.synthesize(
            request.text,
            voice=request.voice,
            language=request.language,
            speed=request.speed,
        )
