"""Names and blends of voices: every text is read or refused in a sentence."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.errors import ConfigError
from idol_runtime.speech.engine import VoiceCapabilities
from idol_runtime.speech.kokoro.voices import native_voice
from idol_runtime.speech.voice_names import check_voice, parts_of

VOICES = ("af_heart", "am_adam", "bf_emma")
weights = st.floats().map(str) | st.text(max_size=5) | st.sampled_from(["1e308", "1e-320", "0"])
parts = st.tuples(st.sampled_from([*VOICES, "", "nobody"]), st.none() | weights).map(
    lambda part: part[0] if part[1] is None else f"{part[0]}:{part[1]}"
)
voices = st.lists(parts, max_size=10).map("+".join) | st.text()


def capabilities(*, blends: bool) -> VoiceCapabilities:
    return VoiceCapabilities(24_000, ("en",), voices=VOICES, blends=blends)


@given(voices)
def test_shares_are_numbers_that_add_up_to_one(voice: str) -> None:
    try:
        found = parts_of(voice)
    except ConfigError as error:
        refusal = str(error)
    else:
        assert all(0 < share <= 1 for _, share in found)
        assert math.isclose(sum(share for _, share in found), 1)
        return
    assert refusal.endswith(".")
    assert len(refusal) < 400


@given(voices, st.booleans())
def test_what_is_taken_is_made_of_voices_that_are_there(voice: str, blends: bool) -> None:
    try:
        check_voice(voice, capabilities(blends=blends))
    except ConfigError:
        return
    assert {name for name, _ in parts_of(voice)} <= set(VOICES)
    assert blends or voice in VOICES


@pytest.mark.parametrize(
    "voice", ["af_heart:1e308+bf_emma:1e308", "af_heart:nan", "a:-1+b:2", "a:"]
)
def test_a_weight_that_is_no_share_is_named(voice: str) -> None:
    with pytest.raises(ConfigError, match=r"weights from 0\.001 to 1000"):
        parts_of(voice)


def test_an_engine_whose_voices_nobody_knows_takes_any() -> None:
    check_voice("anything:1+at all", VoiceCapabilities(24_000, ("en",)))


@pytest.mark.parametrize(
    ("voice", "language", "native"),
    [
        ("af_heart", "ja", "jf_alpha"),
        ("am_michael", "ja", "jm_kumo"),
        ("bf_emma:0.3+am_michael:0.7", "zh", "zm_yunxi"),
        ("af_heart", "zh", "zf_xiaobei"),
        ("af_heart", "es", "ef_dora"),
        ("jf_alpha", "en-gb", "af_heart"),
        ("bf_emma", "en-us", "bf_emma"),
        ("am_michael", "fr", "ff_siwis"),
        ("af_heart", "ko", "af_heart"),
    ],
)
def test_for_another_language_there_is_a_voice_of_the_same_kind(
    voice: str, language: str, native: str
) -> None:
    names = (
        "af_alloy", "af_heart", "am_michael", "bf_emma", "jf_alpha", "jm_kumo", "zf_xiaobei",
        "zf_xiaoxiao", "zm_yunjian", "zm_yunxi", "ef_dora", "ff_siwis",
    )  # fmt: skip
    assert native_voice(voice, language, names) == native
