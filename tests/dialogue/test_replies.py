"""Replies that are made together: each is the one it would be alone, and who is served when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from idol_runtime.character import Sampling
from idol_runtime.dialogue.config import DecoderRoom
from idol_runtime.dialogue.live_reply import LiveReply
from idol_runtime.dialogue.messages import (
    ChatMessage,
    DialogueRequest,
    GenerationDone,
    GenerationOptions,
    PrefillProgress,
    TextDelta,
)
from idol_runtime.dialogue.model import DialogueModel
from idol_runtime.dialogue.replies import AGEING, BESIDE, REST
from idol_runtime.dialogue.sampling import Sampler
from idol_runtime.dialogue.token_text import TokenText
from idol_runtime.inference.service import StreamEnd
from tests.dialogue.conftest import TinyChat

PERSONA = ChatMessage("system", "You keep a lighthouse and speak in short sentences.")
OPTIONS = GenerationOptions(max_tokens=20, enough_tokens=0, temperature=1.0, seed=5)
TOKEN_BYTES = 2 * 2 * 2 * 16 * 4
"""Layers, keys and values, heads, their size, float32."""
LONG = "word " * 40
QUESTIONS = ("who are you", "what is the weather like", "tell me of the sea", "a", LONG, "bye")


def messages(question: int) -> list[ChatMessage]:
    return [PERSONA, ChatMessage("user", QUESTIONS[question])]


def begun(model: DialogueModel, question: int, priority: int = 0) -> LiveReply:
    options = replace(OPTIONS, seed=question)
    return model.replies.add(model.begin(messages(question), options, priority=priority))


def finished(model: DialogueModel, live: Sequence[LiveReply]) -> list[list[int]]:
    """What each says in the end."""
    ended: set[LiveReply] = set()
    while left := [reply for reply in live if reply not in ended]:
        for reply, item in model.replies.step(left):
            if isinstance(item, StreamEnd):
                assert item.error is None
                ended.add(reply)
        for reply in ended.intersection(left):
            model.replies.close(reply)
    return [reply.said for reply in live]


def alone(tiny_chat: TinyChat) -> list[list[int]]:
    """What is said to each question by a model that has nothing else to do."""
    return [
        finished(model := tiny_chat.open(), [begun(model, question)])[0]
        for question in range(len(QUESTIONS))
    ]


@dataclass(frozen=True)
class Asked:
    question: int
    at_step: int
    priority: int
    cancelled_after: int | None
    lags: frozenset[int]
    """Steps at which its reader does not keep up."""


ASKED = st.builds(
    Asked,
    st.integers(0, len(QUESTIONS) - 1),
    st.integers(0, 25),
    st.sampled_from([0, 0, 0, 1, -1]),
    st.none() | st.integers(0, 30),
    st.frozensets(st.integers(0, 40), max_size=8),
)
ROOMS = st.builds(
    DecoderRoom,
    context_tokens=st.just(400),
    replies=st.integers(1, 4),
    kept_conversations=st.integers(0, 12),
    kept_bytes=st.sampled_from([0, 100_000, 10_000_000]),
)


def test_replies_that_come_go_lag_and_are_cancelled_say_what_each_says_alone(
    tiny_chat: TinyChat,
) -> None:
    expected = alone(tiny_chat)

    @settings(max_examples=40)
    @given(st.lists(ASKED, min_size=1, max_size=9), ROOMS)
    def check(schedule: list[Asked], room: DecoderRoom) -> None:
        model = tiny_chat.open(room=room)
        live: dict[LiveReply, Asked] = {}
        coming = sorted(schedule, key=lambda asked: asked.at_step)
        step = 0
        while coming or live:
            while coming and coming[0].at_step <= step:
                asked = coming.pop(0)
                live[begun(model, asked.question, asked.priority)] = asked
            for reply, asked in list(live.items()):
                late = asked.cancelled_after
                if late is not None and step - asked.at_step > late:
                    model.replies.close(reply)
                    del live[reply]
                    assert reply.said == expected[asked.question][: len(reply.said)]
            due = [reply for reply, asked in live.items() if step not in asked.lags]
            for reply, item in model.replies.step(due) if due else ():
                if isinstance(item, StreamEnd):
                    assert reply.said == expected[live.pop(reply).question]
                    model.replies.close(reply)
            step += 1
            assert step < 2_000

    check()


def test_the_first_word_leaves_with_the_last_part_of_the_prompt(tiny_chat: TinyChat) -> None:
    model = tiny_chat.open()
    reply = begun(model, question=4)
    parts: list[PrefillProgress] = []
    while not reply.has_begun:
        parts += [i for _, i in model.replies.step([reply]) if isinstance(i, PrefillProgress)]
        assert reply.has_begun == (parts[-1].done_tokens == parts[-1].total_tokens)
    assert len(parts) > 1


def test_while_a_long_prompt_is_read_in_small_parts_all_others_are_written_on(
    tiny_chat: TinyChat,
) -> None:
    model = tiny_chat.open()
    first = begun(model, question=1)
    while not first.has_begun:
        list(model.replies.step([first]))
    second = begun(model, question=4)
    size = len(second.tokens)
    steps = 0
    while not second.has_begun:
        said = len(first.said)
        made = list(model.replies.step([first, second]))
        assert len(first.said) == said + 1
        [progress] = [item for _, item in made if isinstance(item, PrefillProgress)]
        steps += 1
        assert progress.done_tokens <= steps * BESIDE * 5 / 4
    cached = size - progress.total_tokens
    assert cached > len(PERSONA.content) // 2
    assert steps >= progress.total_tokens // (BESIDE * 5 // 4)


def test_who_has_a_higher_priority_is_read_first(tiny_chat: TinyChat) -> None:
    model = tiny_chat.open()
    later = begun(model, 4, priority=0)
    sooner = begun(model, 4, priority=1)
    while not sooner.has_begun:
        list(model.replies.step([later, sooner]))
    assert not later.has_begun


def test_a_short_prompt_does_not_wait_for_a_long_one(tiny_chat: TinyChat) -> None:
    model = tiny_chat.open(clock=lambda: 0.0)
    long = begun(model, 4)
    list(model.replies.step([long]))
    short = begun(model, 0)
    list(model.replies.step([long, short]))
    assert short.has_begun
    assert not long.has_begun


def test_a_long_prompt_does_not_wait_for_ever_for_short_ones(tiny_chat: TinyChat) -> None:
    now_s = 0.0
    model = tiny_chat.open(clock=lambda: now_s)
    long = begun(model, 4)
    now_s = len(long.tokens) / AGEING
    short = begun(model, 0)
    while not long.has_begun:
        list(model.replies.step([long, short]))
        assert not short.has_begun


def test_what_nobody_waits_for_rests_while_somebody_is_served_and_is_not_forgotten(
    tiny_chat: TinyChat,
) -> None:
    expected = alone(tiny_chat)
    model = tiny_chat.open()
    summary = begun(model, 0, priority=-1)
    while not summary.has_begun:
        list(model.replies.step([summary]))
    talker = begun(model, 1)
    before, steps = len(summary.said), 0
    while talker.finish is None:
        list(model.replies.step([summary, talker]))
        steps += 1
    assert len(summary.said) - before == steps // REST
    model.replies.close(talker)
    assert talker.said == expected[1]
    assert finished(model, [summary]) == [expected[0]]


def test_what_nobody_waits_for_gives_its_place_up_and_goes_on_later(tiny_chat: TinyChat) -> None:
    expected = alone(tiny_chat)
    model = tiny_chat.open(room=DecoderRoom(replies=1, kept_conversations=0))
    summary = begun(model, 0, priority=-1)
    while len(summary.said) < 3:
        list(model.replies.step([summary]))
    talker = begun(model, 1)
    assert finished(model, [summary, talker]) == [expected[0], expected[1]]


def test_a_shared_persona_is_read_once_however_many_talk(tiny_chat: TinyChat) -> None:
    model = tiny_chat.open()
    finished(model, [begun(model, 0)])
    persona = len(model.encode([PERSONA], OPTIONS)) - len("assistant") - 2
    live = [begun(model, question) for question in (1, 2, 3)]
    done: list[GenerationDone] = []
    while len(done) < 3:
        left = [reply for reply in live if reply.finish is None]
        made = list(model.replies.step(left))
        done += [item for _, item in made if isinstance(item, GenerationDone)]
    assert all(each.cached_tokens >= persona for each in done)


def test_conversations_are_kept_as_long_as_there_is_room(tiny_chat: TinyChat) -> None:
    model = tiny_chat.open(room=DecoderRoom(kept_bytes=100_000))
    evicted = 0
    for question in range(len(QUESTIONS)):
        items = list(model.generate(messages(question), OPTIONS))
        done = items[-1]
        assert isinstance(done, GenerationDone)
        its_own = (done.prompt_tokens + done.completion_tokens) * TOKEN_BYTES
        assert done.cache_bytes <= 100_000 + its_own
        evicted += done.cache_evictions
    assert evicted > 0


def test_a_request_says_how_it_is_sampled_when_it_stops_and_who_is_first(
    tiny_chat: TinyChat,
) -> None:
    model = tiny_chat.open()
    sampling = Sampling(temperature=1.0, enough_tokens=0)
    request = DialogueRequest(tuple(messages(0)), sampling, max_tokens=20, seed=0)

    def text(request: DialogueRequest) -> str:
        reply, made = model.replies.open(request), ""
        while reply.finish is None:
            for _, item in model.replies.step([reply]):
                made += item.text if isinstance(item, TextDelta) else ""
        model.replies.close(reply)
        assert reply.priority == request.priority
        return made

    whole = text(request)
    assert len(whole) > 6
    assert text(replace(request, stop=(whole[4:6],))) == whole[: whole.find(whole[4:6])]
    assert text(replace(request, priority=-1)) == whole
    assert text(replace(request, logit_bias={whole[3]: -100.0})) != whole
    strict = msgspec.structs.replace(sampling, dry_multiplier=50.0)
    letters = replace(request, sampling=strict, logit_bias=dict.fromkeys("bcdefghjkl", 30.0))
    said = text(letters)
    assert set(said) <= set("bcdefghjkl")
    assert text(replace(letters, fresh_against=(said,)))[:3] != said[:3]


class Spelled:
    """One letter is free, then `forced` follows, and so on."""

    def __init__(self, free: int, forced: list[int]) -> None:
        self._free, self._forced = free, forced
        self.told: list[int] = []

    def allowed(self) -> NDArray[np.int32]:
        bits = np.zeros(9, np.int32)
        bits[self._free // 32] = 1 << self._free % 32
        return bits

    def advance(self, token: int) -> None:
        self.told.append(token)

    def forced(self) -> Sequence[int]:
        return self._forced if self.told[-1] == self._free else ()


def test_tokens_that_can_only_follow_are_read_in_one_run(tiny_chat: TinyChat) -> None:
    model = tiny_chat.open()
    [free] = model.chat.encode_text("x")
    forced = list(model.chat.encode_text("yzw"))
    mask = Spelled(free, forced)
    options = replace(OPTIONS, max_tokens=10, no_repeat_ngram=0)
    prompt = model.encode(messages(0), options)
    reply = model.replies.add(
        LiveReply(
            prompt,
            options,
            sampler=Sampler(options),
            text=TokenText(model.chat.bytes, ()),
            end_ids=frozenset([2]),
            capacity=model.context_tokens,
            started_s=0.0,
            mask=mask,
        )
    )
    other = begun(model, 1)
    while not reply.has_begun:
        list(model.replies.step([reply, other]))
    assert reply.said == [free, *forced]
    list(model.replies.step([reply, other]))
    assert reply.said == [free, *forced] * 2
    list(model.replies.step([reply, other]))
    assert reply.said == ([free, *forced] * 3)[:10]
    assert reply.finish == "length"
    assert mask.told == ([free, *forced] * 3)[:9]
