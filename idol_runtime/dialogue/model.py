"""A dialogue model: messages in, pieces of a reply out, on numpy, tokenizers and ONNX Runtime."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, Self

import msgspec

from idol_runtime.dialogue.architecture import MAX_POSITIONS
from idol_runtime.dialogue.chat import ChatTokenizer, fit_messages, open_chat
from idol_runtime.dialogue.config import MODEL_FILE, DialogueConfig, read_config
from idol_runtime.dialogue.cues import AllowedCues
from idol_runtime.dialogue.decoder import DecoderMemory, Logits, new_memory
from idol_runtime.dialogue.engine import Dialogue, DialogueCapabilities
from idol_runtime.dialogue.grammar import ReplyGrammars
from idol_runtime.dialogue.messages import (
    ChatMessage,
    DialogueRequest,
    Generated,
    GenerationDone,
    GenerationOptions,
    PrefillProgress,
    TextDelta,
)
from idol_runtime.dialogue.replies import Replies
from idol_runtime.dialogue.sampling import new_sampler
from idol_runtime.dialogue.slots import Slot, SlotPool
from idol_runtime.dialogue.token_mask import TokenMask
from idol_runtime.dialogue.token_text import TokenText
from idol_runtime.errors import ProviderError
from idol_runtime.inference.bundle import open_bundle, open_verified
from idol_runtime.inference.session import OnnxSession, Provider, resolve_provider

CONTEXT_TOKENS = 2048
PREFILL_CHUNK = 128
"""Prompt tokens read between two items, so that a cancelled reply ends soon."""


class DialogueModel:
    """Several replies may be live at once; each advances by one step with each item taken."""

    def __init__(
        self,
        config: DialogueConfig,
        session: OnnxSession,
        chat: ChatTokenizer,
        *,
        context_tokens: int,
        slots: int,
        clock: Callable[[], float],
    ) -> None:
        self.config, self.chat, self.context_tokens = config, chat, context_tokens
        self.provider = session.provider
        self._clock = clock
        self._end_ids = frozenset([config.eos_id, *config.end_ids])
        memory = partial(new_memory, session, config.decoder, context_tokens)
        self._grammars = ReplyGrammars(chat, config.decoder.vocab, sorted(self._end_ids))
        self.slots: SlotPool[DecoderMemory] = SlotPool(slots, memory)

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        provider: Provider,
        threads: int,
        context_tokens: int = CONTEXT_TOKENS,
        slots: int = 4,
        clock: Callable[[], float] = time.perf_counter,
        is_verified: bool = False,
    ) -> Self:
        """Opens a bundle.

        Args:
            folder: A bundle of kind `dialogue`.
            provider: `cuda` needs a bundle with float16 activations; `auto` takes the CPU for
                others.
            threads: Of one decode step.
            context_tokens: Prompt and reply together; cut to what the model was made for.
            slots: Conversations whose attention state is kept for their next turn.
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
        context_tokens = min(context_tokens, config.decoder.positions, MAX_POSITIONS)
        return cls(config, session, chat, context_tokens=context_tokens, slots=slots, clock=clock)

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
        Numbers depend in the last bits on how much of the prompt was cached, so a sampled reply
        is repeatable for a seed and for the same history of calls.

        Raises (with the first item):
            InputError: the options are out of range, the newest message is too long, or an action
                has a schema that no grammar can be made of.
        """
        options.check()
        started = self._clock()
        mask = None if cues is None else self._grammars.mask(cues)
        prompt = self.encode(messages, options)
        slot = self.slots.acquire(prompt)
        try:
            cached = len(slot.tokens)
            logits: Logits | None = None
            for start in range(cached, len(prompt), PREFILL_CHUNK):
                logits = self._read(slot, prompt[start : start + PREFILL_CHUNK])
                yield PrefillProgress(len(slot.tokens) - cached, len(prompt) - cached)
            assert logits is not None  # a slot holds a proper prefix of the prompt
            yield from self._reply(slot, logits, prompt, cached, options, mask, started)
        finally:
            self.slots.release(slot)

    def encode(self, messages: Sequence[ChatMessage], options: GenerationOptions) -> list[int]:
        """The prompt: as many of the newest turns as leave room for the reply.

        Raises:
            InputError: the newest message alone is too long.
        """
        room = min(options.max_tokens, self.context_tokens // 2)
        return self.chat.encode(fit_messages(messages, self.chat, self.context_tokens - room))

    def _read(self, slot: Slot[DecoderMemory], ids: Sequence[int]) -> Logits:
        logits = slot.memory.run(ids, len(slot.tokens))
        slot.tokens.extend(ids)
        return logits

    def _reply(
        self,
        slot: Slot[DecoderMemory],
        logits: Logits,
        prompt: list[int],
        cached: int,
        options: GenerationOptions,
        mask: TokenMask | None,
        started: float,
    ) -> Iterator[Generated]:
        text = TokenText(self.chat.bytes, options.stop)
        reply: list[int] = []
        ttft_s: float | None = None
        decoding_s = 0.0
        tokens = self._tokens(slot, logits, reply, options, mask)
        stepped = self._clock()
        for token in tokens:
            # Only the time of the steps counts, not the time until the next item is asked for.
            decoding_s += self._clock() - stepped if len(reply) > 1 else 0.0
            if 0 < options.enough_tokens < len(reply) and text.is_sentence_end_before(token):
                break
            if delta := text.push(token):
                ttft_s = self._clock() - started if ttft_s is None else ttft_s
                yield TextDelta(delta)
            if text.is_stopped:
                break
            stepped = self._clock()
        if delta := text.flush():
            yield TextDelta(delta)
        yield GenerationDone(
            finish_reason=self._finish_reason(text, reply, options),
            prompt_tokens=len(prompt),
            cached_tokens=cached,
            completion_tokens=len(reply),
            ttft_s=self._clock() - started if ttft_s is None else ttft_s,
            decode_tokens_per_s=(len(reply) - 1) / decoding_s if decoding_s > 0 else None,
        )

    def _tokens(
        self,
        slot: Slot[DecoderMemory],
        logits: Logits,
        reply: list[int],
        options: GenerationOptions,
        mask: TokenMask | None,
    ) -> Iterator[int]:
        """Tokens of the reply, each also put into `reply`; the model runs when the next is due."""
        sampler = new_sampler(options, self.chat, self._end_ids)
        while True:
            allowed = None if mask is None else mask.allowed()
            drawn = sampler.draw(logits, allowed)
            for token in (run := [drawn, *_forced_after(mask, drawn)]):
                sampler.push(token)
                reply.append(token)
                yield token
                if token in self._end_ids or len(reply) == options.max_tokens:
                    return
                if len(slot.tokens) + len(run) > self.context_tokens:
                    return
            logits = self._read(slot, run)

    def _finish_reason(
        self, text: TokenText, reply: list[int], options: GenerationOptions
    ) -> Literal["stop", "length", "context"]:
        enough = 0 < options.enough_tokens < len(reply)
        if (
            text.is_stopped
            or reply[-1] in self._end_ids
            or (enough and text.is_sentence_end_before(reply[-1]))
        ):
            return "stop"
        return "length" if len(reply) == options.max_tokens else "context"


def _forced_after(mask: TokenMask | None, drawn: int) -> Sequence[int]:
    """What follows a drawn token in any case, such as the keys of an action's arguments."""
    if mask is None:
        return ()
    mask.advance(drawn)
    forced = mask.forced()
    for token in forced:
        mask.advance(token)
    return forced


def open_decoder(folder: Path, provider: Provider, threads: int) -> Dialogue:
    """The engine `decoder` on a verified bundle; see `DialogueModel.open`."""
    model = DialogueModel.open(folder, provider=provider, threads=threads, is_verified=True)

    def reply(request: DialogueRequest) -> Iterator[Generated]:
        return model.generate(request.messages, options_of(request), request.cues)

    return Replies(reply, DialogueCapabilities(context_length=model.context_tokens))


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
