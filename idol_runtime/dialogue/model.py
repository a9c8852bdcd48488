"""A dialogue model: messages in, pieces of a reply out, on numpy, tokenizers and ONNX Runtime."""

import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Self

import msgspec

from idol_runtime.dialogue.architecture import MAX_POSITIONS
from idol_runtime.dialogue.chat import ChatTokenizer, fit_messages, open_chat
from idol_runtime.dialogue.config import MODEL_FILE, DecoderRoom, DialogueConfig, read_config
from idol_runtime.dialogue.cues import AllowedCues
from idol_runtime.dialogue.decoder import DecoderRows, open_rows
from idol_runtime.dialogue.engine import Dialogue, DialogueCapabilities
from idol_runtime.dialogue.grammar import ReplyGrammars
from idol_runtime.dialogue.live_reply import LiveReply
from idol_runtime.dialogue.messages import (
    ChatMessage,
    DialogueRequest,
    Generated,
    GenerationOptions,
)
from idol_runtime.dialogue.prefix_cache import PrefixCache
from idol_runtime.dialogue.replies import Replies
from idol_runtime.dialogue.sampling import new_sampler
from idol_runtime.dialogue.token_text import TokenText
from idol_runtime.errors import ProviderError
from idol_runtime.inference.bundle import open_bundle, open_verified
from idol_runtime.inference.service import StreamEnd
from idol_runtime.inference.session import OnnxSession, Provider, resolve_provider


class DialogueModel:
    """A bundle that is open. Its replies are made together, see `Replies`."""

    def __init__(
        self,
        config: DialogueConfig,
        chat: ChatTokenizer,
        rows: DecoderRows,
        room: DecoderRoom,
        clock: Callable[[], float],
        provider: Provider,
    ) -> None:
        self.config, self.chat, self.provider = config, chat, provider
        self.context_tokens = rows.capacity
        self._clock = clock
        self._end_ids = frozenset([config.eos_id, *config.end_ids])
        self._grammars = ReplyGrammars(chat, config.decoder.vocab, sorted(self._end_ids))
        self.replies = Replies(
            self._asked,
            rows,
            PrefixCache(rows, room.kept_bytes),
            DialogueCapabilities(context_length=rows.capacity, keeps_prompts=True),
            clock,
        )

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        provider: Provider,
        threads: int,
        room: DecoderRoom = DecoderRoom(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.perf_counter,
        is_verified: bool = False,
    ) -> Self:
        """Opens a bundle.

        Args:
            folder: A bundle of kind `dialogue`.
            provider: `cuda` needs a bundle with float16 activations; `auto` takes the CPU for
                others.
            threads: Of one decode step.
            room: How much it takes on.
            clock: Seconds, for the measurements in `GenerationDone`.
            is_verified: The bundle's files were verified and need not be read for that again.

        Raises:
            BundleError: the bundle is damaged or of another kind.
            ProviderError: CUDA was asked for and cannot run this bundle.
        """
        bundle = (open_verified if is_verified else open_bundle)(folder, "dialogue")
        config = read_config(bundle)
        chat = open_chat(folder, config)
        session = OnnxSession(
            bundle.path(MODEL_FILE), provider=_device(provider, config, folder), threads=threads
        )
        capacity = min(room.context_tokens, config.decoder.positions, MAX_POSITIONS)
        count = room.replies + room.kept_conversations
        rows = open_rows(session, config.decoder, count, capacity)
        return cls(config, chat, rows, room, clock, session.provider)

    def generate(
        self,
        messages: Sequence[ChatMessage],
        options: GenerationOptions,
        cues: AllowedCues | None = None,
    ) -> Generator[Generated, None, None]:
        """Answers the conversation: `PrefillProgress`, then `TextDelta`, then `GenerationDone`.

        Closing the iterator ends the reply at once; what was read stays for the next turn. A
        reply cut by `max_tokens` is emitted as it is, possibly in the middle of a sentence, with
        finish reason `length`. The oldest turns are left out when the context would overflow.
        Numbers depend in the last bits on how much of the prompt was cached and on how many
        replies are made together, so a sampled reply is repeatable for a seed and the same calls.

        Raises (with the first item):
            InputError: the options are out of range, the newest message is too long, or an action
                has a schema that no grammar can be made of.
        """
        reply = self.replies.add(self.begin(messages, options, cues))
        try:
            while True:
                for _, item in self.replies.step([reply]):
                    if isinstance(item, StreamEnd):
                        return
                    yield item
        finally:
            self.replies.close(reply)

    def begin(
        self,
        messages: Sequence[ChatMessage],
        options: GenerationOptions,
        cues: AllowedCues | None = None,
        priority: int = 0,
    ) -> LiveReply:
        """A reply that nobody works on yet, for `Replies`; raises what `generate` raises."""
        options.check()
        return LiveReply(
            self.encode(messages, options),
            options,
            sampler=new_sampler(options, self.chat, self._end_ids),
            text=TokenText(self.chat.bytes, options.stop),
            end_ids=self._end_ids,
            capacity=self.context_tokens,
            started_s=self._clock(),
            priority=priority,
            mask=None if cues is None else self._grammars.mask(cues),
        )

    def encode(self, messages: Sequence[ChatMessage], options: GenerationOptions) -> list[int]:
        """The prompt: as many of the newest turns as leave room for the reply.

        Raises:
            InputError: the newest message alone is too long.
        """
        room = min(options.max_tokens, self.context_tokens // 2)
        return self.chat.encode(fit_messages(messages, self.chat, self.context_tokens - room))

    def _asked(self, request: DialogueRequest) -> LiveReply:
        return self.begin(request.messages, options_of(request), request.cues, request.priority)


def open_decoder(
    folder: Path,
    provider: Provider,
    threads: int,
    room: DecoderRoom = DecoderRoom(),  # noqa: B008 - frozen
) -> Dialogue:
    """The engine `decoder` on a verified bundle; see `DialogueModel.open`."""
    return DialogueModel.open(
        folder, provider=provider, threads=threads, room=room, is_verified=True
    ).replies


def options_of(request: DialogueRequest) -> GenerationOptions:
    """The defaults with what the character and the request change of them."""
    changes = msgspec.structs.asdict(request.sampling)
    if request.max_tokens is not None:
        changes["max_tokens"] = request.max_tokens
    given = {key: value for key, value in changes.items() if value is not None}
    return GenerationOptions(
        **given,
        seed=request.seed,
        stop=request.stop,
        fresh_against=request.fresh_against,
        logit_bias=request.logit_bias,
    )


def _device(provider: Provider, config: DialogueConfig, folder: Path) -> Provider:
    """Where a bundle can run: CUDA's attention kernel takes float16, the CPU's float32."""
    device = resolve_provider(provider)
    if config.activations == "float16" and device == "cpu":
        raise ProviderError(
            f"{folder}: expected a CUDA device for a bundle with float16 activations, found none; "
            "import the model again with float32 activations."
        )
    if config.activations == "float32" and device == "cuda":
        if provider == "cuda":
            raise ProviderError(
                f"{folder}: expected a bundle with float16 activations for CUDA, found float32; "
                "import the model again with float16 activations (`python -m export.dialogue "
                "--float16`), or use --provider cpu."
            )
        return "cpu"
    return device
