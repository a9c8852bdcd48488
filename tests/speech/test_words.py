import pytest

from idol_runtime.speech.words import WordPlace, word_at, word_onset
from idol_runtime.timeline import Phoneme


def spoken(symbols: str, step_s: float = 0.1) -> tuple[Phoneme, ...]:
    return tuple(
        Phoneme(symbol, at * step_s, (at + 1) * step_s) for at, symbol in enumerate(symbols)
    )


def place_of(text: str, offset: int, language: str = "en-us") -> WordPlace:
    place = word_at(text, offset, language)
    assert place is not None
    return place


def index_at(text: str, mark: str = "|") -> tuple[int, int]:
    place = place_of(text.replace(mark, ""), text.index(mark))
    return place.index, place.count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("|Hi there.", (0, 2)),
        ("Hi |there.", (1, 2)),
        ("Hi there|.", (1, 2)),
        ("Hi there.|", (1, 2)),
        ("It's a well-known |fact.", (3, 4)),
        ("I ate 23 |cakes.", (3, 4)),  # twenty-three
        ("It costs $4.50, |doesn't it?", (7, 9)),  # four dollars and fifty cents
        ("*smiles* So |happy!", (1, 2)),
    ],
)
def test_a_place_is_the_word_that_follows_it_as_it_is_spoken(
    text: str, expected: tuple[int, int]
) -> None:
    assert index_at(text) == expected


def test_text_that_is_not_spoken_has_no_words() -> None:
    assert word_at("😀 🎉", 1) is None


def test_the_onset_is_where_the_word_of_that_number_begins() -> None:
    phonemes = spoken(" hˈI ðˌɛɹ. ")
    assert word_onset(phonemes, place_of("Hi there.", 0)) == pytest.approx(0.1)
    assert word_onset(phonemes, place_of("Hi there.", 3)) == pytest.approx(0.5)


def test_where_the_voice_joins_words_the_nearest_share_decides() -> None:
    phonemes = spoken(" aaaaaa bbb cccccc ")
    place = place_of("One two three four five.", 19)  # the last of five, said as three
    assert word_onset(phonemes, place) == pytest.approx(1.2)


def test_a_language_without_spaces_is_placed_by_its_share() -> None:
    phonemes = spoken("aaaaaaaaaa")
    text = "こんにちは、ほしです"
    place = place_of(text, text.index("ほ"), "ja")
    assert word_onset(phonemes, place) == pytest.approx(0.6, abs=0.15)
