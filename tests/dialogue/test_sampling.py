import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from idol_runtime.dialogue.messages import GenerationOptions
from idol_runtime.dialogue.repetition import RepeatedRuns
from idol_runtime.dialogue.sampling import Sampler, candidates, new_sampler, penalize
from idol_runtime.errors import InputError
from tests.dialogue.conftest import TinyChat

LOGITS = arrays(np.float32, st.integers(2, 60), elements=st.floats(-30, 30, width=32))
OPTIONS = st.builds(
    GenerationOptions,
    temperature=st.floats(0.05, 3),
    top_p=st.floats(0, 1),
    top_k=st.integers(0, 80),
    min_p=st.floats(0, 1),
    repetition_penalty=st.floats(1, 2),
    repetition_window=st.integers(0, 20),
    presence_penalty=st.floats(-2, 5),
    frequency_penalty=st.floats(-2, 5),
    no_repeat_ngram=st.integers(0, 4),
    seed=st.integers(0, 2**32),
)
PLAIN = GenerationOptions(temperature=0, repetition_penalty=1, no_repeat_ngram=0, dry_multiplier=0)
TOKENS = st.lists(st.integers(0, 1), max_size=30)


def said(options: GenerationOptions, reply: list[int]) -> Sampler:
    sampler = Sampler(options)
    for token in reply:
        sampler.push(token)
    return sampler


def by_the_book(logits: np.ndarray, options: GenerationOptions) -> list[int]:
    """What may be drawn, without any short cut."""
    ids = np.argsort(-logits, kind="stable")[: options.top_k or None]
    scaled = logits[ids].astype(np.float64) / options.temperature
    weights = np.exp(scaled - scaled[0])
    ids, weights = ids[weights >= options.min_p], weights[weights >= options.min_p]
    before = np.cumsum(weights) - weights
    kept = before < options.top_p * weights.sum() if options.top_p < 1 else before > -1
    kept[0] = True
    return list(ids[kept].tolist())


@given(LOGITS, OPTIONS)
def test_the_most_likely_token_always_stays_and_bounds_hold(
    logits: np.ndarray, options: GenerationOptions
) -> None:
    ids, sums = candidates(logits, options)
    weights = np.diff(sums, prepend=0.0)
    assert logits[ids[0]] == logits.max()
    assert len(set(ids.tolist())) == len(ids) == len(weights)
    assert weights[0] == 1
    assert (weights >= 0).all()
    if options.top_k:
        assert len(ids) <= options.top_k


@pytest.mark.parametrize("size", [700, 2048, 4099])
@pytest.mark.parametrize(
    "options",
    [
        GenerationOptions(),
        GenerationOptions(temperature=1.0, top_k=0, min_p=0.05, top_p=1.0),
        GenerationOptions(temperature=0.7, top_k=40, min_p=0.0, top_p=0.9),
        GenerationOptions(temperature=2.0, top_k=0, min_p=0.0, top_p=0.5),
        GenerationOptions(temperature=0.8, top_k=0, min_p=0.0, top_p=0.999),
        GenerationOptions(temperature=1.5, top_k=1500, min_p=0.0, top_p=1.0),
    ],
)
def test_the_quick_way_through_a_large_vocabulary_finds_what_the_long_one_does(
    size: int, options: GenerationOptions
) -> None:
    for seed in range(20):
        logits = np.random.default_rng(seed).normal(0, 4, size).astype(np.float32)
        logits[size - 2] = logits.max() - np.float32(seed % 3)
        ids, _ = candidates(logits, options)
        assert ids.tolist() == by_the_book(logits, options)


@given(LOGITS, OPTIONS, TOKENS)
@example(np.zeros(2, np.float32), GenerationOptions(no_repeat_ngram=1, seed=0), [0, 1])
def test_the_same_seed_draws_the_same_token(
    logits: np.ndarray, options: GenerationOptions, reply: list[int]
) -> None:
    drawn = {said(options, reply).draw(logits.copy()) for _ in range(3)}
    assert len(drawn) == 1
    assert 0 <= drawn.pop() < logits.size


@given(LOGITS)
def test_temperature_zero_is_greedy(logits: np.ndarray) -> None:
    assert Sampler(PLAIN).draw(logits.copy()) == logits.argmax()


def test_drawing_follows_the_probabilities() -> None:
    logits = np.log(np.array([0.6, 0.3, 0.1], np.float32))
    options = GenerationOptions(
        temperature=1, top_p=1, top_k=0, min_p=0, repetition_penalty=1, seed=0
    )
    sampler = Sampler(options)
    drawn = [sampler.draw(logits.copy()) for _ in range(4000)]
    shares = np.bincount(drawn, minlength=3) / 4000
    np.testing.assert_allclose(shares, [0.6, 0.3, 0.1], atol=0.03)


@given(LOGITS, st.sets(st.integers(0, 1), min_size=1), st.floats(1.01, 3))
def test_a_penalty_never_raises_a_logit_and_spares_the_others(
    logits: np.ndarray, ids: set[int], penalty: float
) -> None:
    penalized = logits.copy()
    penalize(penalized, ids, penalty)
    for index in range(logits.size):
        if index in ids:
            assert penalized[index] <= logits[index]
        else:
            assert penalized[index] == logits[index]


def changed(options: GenerationOptions, reply: list[int]) -> list[float]:
    """What drawing after `reply` adds to logits of one."""
    logits = np.ones(4, np.float32)
    said(options, reply).draw(logits)
    return [round(float(each) - 1, 4) for each in logits]


def test_penalties_count_what_the_reply_has() -> None:
    reply = [0, 1, 1, 0, 1]
    presence = GenerationOptions(temperature=0, repetition_penalty=1, presence_penalty=0.5)
    assert changed(presence, reply) == [-0.5, -0.5, 0, 0]
    frequency = GenerationOptions(temperature=0, repetition_penalty=1, frequency_penalty=0.5)
    assert changed(frequency, reply) == [-1, -1.5, 0, 0]
    window = GenerationOptions(temperature=0, repetition_penalty=2, repetition_window=1)
    assert changed(window, reply) == [0, -0.5, 0, 0]


def test_going_on_as_before_costs_more_with_every_token_of_the_run() -> None:
    options = GenerationOptions(temperature=0, repetition_penalty=1, dry_multiplier=1, dry_base=2)

    def penalty(reply: list[int]) -> float:
        logits = np.zeros(9, np.float32)
        sampler = Sampler(
            options, runs=RepeatedRuns(2, [[1, 2, 3, 4, 5]], lambda token: token == 8)
        )
        for token in reply:
            sampler.push(token)
        sampler.draw(logits)
        return float(logits.min())

    assert [penalty(reply) for reply in ([2], [1, 2], [1, 2, 3], [1, 2, 3, 4])] == [0, -1, -2, -4]
    assert penalty([2, 8, 3]) == 0


def test_spared_tokens_are_not_penalised() -> None:
    options = GenerationOptions(temperature=0, repetition_penalty=2, no_repeat_ngram=0)

    def drawn(spared: frozenset[int]) -> int:
        sampler = Sampler(options, spared=spared)
        sampler.push(0)
        return sampler.draw(np.array([2.0, 1.9], np.float32))

    assert drawn(frozenset()) == 1
    assert drawn(frozenset([0])) == 0


def bits(*tokens: int) -> np.ndarray:
    words = np.zeros(2, np.uint32)
    for token in tokens:
        words[token // 32] |= np.uint32(1 << token % 32)
    return words.view(np.int32)


@given(
    arrays(np.float32, 50, elements=st.floats(-30, 30, width=32)),
    OPTIONS,
    st.sets(st.integers(0, 49), min_size=1),
    st.lists(st.integers(0, 49), max_size=20),
)
def test_only_allowed_tokens_are_drawn_whatever_was_said(
    logits: np.ndarray, options: GenerationOptions, allowed: set[int], reply: list[int]
) -> None:
    assert said(options, reply).draw(logits, bits(*allowed)) in allowed


def test_the_only_allowed_token_may_repeat_a_run() -> None:
    options = GenerationOptions(no_repeat_ngram=2, seed=0)
    sampler = said(options, [1, 2, 1])
    assert sampler.draw(np.zeros(64, np.float32), bits(2)) == 2


def test_a_bias_moves_the_tokens_of_its_text(tiny_chat: TinyChat) -> None:
    chat = tiny_chat.chat
    [letter] = chat.encode_text("z")
    options = GenerationOptions(temperature=0, logit_bias={"z": 5.0, "a": -3.0})
    logits = np.zeros(300, np.float32)
    assert new_sampler(options, chat, frozenset()).draw(logits) == letter
    spelled = {chat.bytes.of(int(index)) for index in np.flatnonzero(logits == -3)}
    assert spelled == {b"a", b" a"}


def test_a_bias_for_what_is_no_token_is_refused(tiny_chat: TinyChat) -> None:
    options = GenerationOptions(logit_bias={"zebra crossing": 1.0})
    with pytest.raises(InputError, match="single tokens"):
        new_sampler(options, tiny_chat.chat, frozenset())


def test_earlier_replies_are_not_gone_on_with(tiny_chat: TinyChat) -> None:
    chat = tiny_chat.chat
    ids = chat.encode_text("quick brown fox")

    def penalised(earlier: tuple[str, ...]) -> list[int]:
        options = GenerationOptions(temperature=0, repetition_penalty=1, fresh_against=earlier)
        sampler = new_sampler(options, chat, frozenset())
        for token in ids[:4]:
            sampler.push(token)
        logits = np.zeros(300, np.float32)
        sampler.draw(logits)
        return [int(index) for index in np.flatnonzero(logits < 0)]

    assert penalised(("A quick brown fox.",)) == [ids[4]]
    assert penalised(("A slow snail.",)) == []
    assert penalised(("A quic[k brown fox.",)) == []
