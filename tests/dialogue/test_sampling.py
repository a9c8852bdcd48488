import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from idol_runtime.dialogue.messages import GenerationOptions
from idol_runtime.dialogue.sampling import candidates, next_token, penalize, repeating

LOGITS = arrays(np.float32, st.integers(2, 60), elements=st.floats(-30, 30, width=32))
OPTIONS = st.builds(
    GenerationOptions,
    temperature=st.floats(0.05, 3),
    top_p=st.floats(0, 1),
    top_k=st.integers(0, 80),
    min_p=st.floats(0, 1),
    repetition_penalty=st.floats(1, 2),
    repetition_window=st.integers(0, 20),
    no_repeat_ngram=st.integers(0, 4),
)
TOKENS = st.lists(st.integers(0, 1), max_size=30)


@given(LOGITS, OPTIONS)
def test_the_most_likely_token_always_stays_and_bounds_hold(
    logits: np.ndarray, options: GenerationOptions
) -> None:
    ids, weights = candidates(logits, options)
    assert logits[ids[0]] == logits.max()
    assert len(set(ids.tolist())) == len(ids) == len(weights)
    assert (np.diff(weights) <= 0).all()
    assert (weights > 0).all()
    if options.top_k:
        assert len(ids) <= options.top_k
    assert (weights >= options.min_p * weights[0]).all()
    assert weights[:-1].sum() < max(options.top_p, 1e-12) or len(ids) == 1


@given(LOGITS, OPTIONS, TOKENS, st.integers(0, 2**32))
@example(np.zeros(2, np.float32), GenerationOptions(no_repeat_ngram=1), [0, 1], 0)
def test_the_same_seed_draws_the_same_token_and_leaves_the_logits_alone(
    logits: np.ndarray, options: GenerationOptions, reply: list[int], seed: int
) -> None:
    before = logits.copy()
    drawn = {next_token(logits, reply, options, np.random.default_rng(seed)) for _ in range(3)}
    assert len(drawn) == 1
    assert 0 <= drawn.pop() < logits.size
    np.testing.assert_array_equal(logits, before)


@given(LOGITS, st.integers(0, 2**32))
def test_temperature_zero_is_greedy_and_touches_no_chance(logits: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    state = rng.bit_generator.state
    options = GenerationOptions(temperature=0, repetition_penalty=1)
    assert next_token(logits, [], options, rng) == logits.argmax()
    assert rng.bit_generator.state == state


def test_drawing_follows_the_probabilities() -> None:
    logits = np.log(np.array([0.6, 0.3, 0.1], np.float32))
    options = GenerationOptions(temperature=1, top_p=1, top_k=0, repetition_penalty=1)
    rng = np.random.default_rng(0)
    drawn = [next_token(logits, [], options, rng) for _ in range(4000)]
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


@given(st.lists(st.integers(0, 2), max_size=40), st.integers(1, 5))
def test_a_guarded_reply_never_says_the_same_run_twice(reply: list[int], size: int) -> None:
    runs = {tuple(reply[at : at + size]) for at in range(len(reply) - size + 1)}
    tail = tuple(reply[len(reply) - size + 1 :]) if size > 1 else ()
    expected = {run[-1] for run in runs if run[:-1] == tail}
    assert repeating(reply, size) == (expected if len(reply) >= size else set())


def test_spared_tokens_are_not_penalised() -> None:
    logits = np.array([2.0, 1.9], np.float32)
    options = GenerationOptions(temperature=0, repetition_penalty=2)
    rng = np.random.default_rng(0)
    assert next_token(logits, [0], options, rng) == 1
    assert next_token(logits, [0], options, rng, spared=frozenset([0])) == 0
