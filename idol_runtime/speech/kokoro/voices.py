"""Voices of Kokoro: tables of style vectors, by name or blended by weights."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_runtime.speech.voice_names import parts_of, unknown_voice

ROWS = 510
STYLE_SIZE = 256


_LETTERS: Final = {
    "en": "ab", "ja": "j", "zh": "z", "es": "e", "fr": "f", "it": "i", "pt": "p", "hi": "h",
}  # fmt: skip
"""What names of voices begin with; `f` or `m` for women and men follows."""
_BEST: Final = ("af_heart", "am_michael", "zm_yunxi")
"""The best of their kind; others are taken in the order of the alphabet. (zf_xiaoxiao is twice as
loud as the others and clips.)"""


def native_voice(voice: str, language: str, names: Collection[str]) -> str:
    """A voice of that language for women or for men as `voice` is, or `voice` where none is."""
    name = max(parts_of(voice), key=lambda part: part[1])[0]
    letters = _LETTERS.get(language.lower().split("-")[0], "")
    if name[:1] in letters:
        return voice
    alike = [each for each in sorted(names) if each[:1] in letters and each[1:3] == name[1:3]]
    others = [each for each in sorted(names) if each[:1] in letters]
    found = alike or others if letters else []
    return next((each for each in found if each in _BEST), found[0] if found else voice)


class Voices:
    """Voice tables, read when first used."""

    def __init__(self, paths: dict[str, Path]) -> None:
        self._paths = paths
        self._tables: dict[str, NDArray[np.float32]] = {}

    @property
    def names(self) -> list[str]:
        return sorted(self._paths)

    def style(self, voice: str, tokens: int) -> NDArray[np.float32]:
        """The style [1, 256] of a clause of `tokens` phoneme symbols.

        Args:
            voice: A name, or a blend such as `af_heart:0.6+bf_emma:0.4`.
            tokens: Symbols without the padding.

        Raises:
            ConfigError: a voice is not among `names`, or a weight is out of range.
        """
        row = min(tokens, ROWS - 1)
        parts = parts_of(voice)
        for name, _ in parts:
            if name not in self._paths:
                raise unknown_voice(name, tuple(self.names))
        style = sum(self._table(name)[row] * np.float32(share) for name, share in parts)
        return np.asarray(style, np.float32)[None]

    def _table(self, name: str) -> NDArray[np.float32]:
        if name not in self._tables:
            table = np.fromfile(self._paths[name], np.float32)
            self._tables[name] = table.reshape(ROWS, STYLE_SIZE)
        return self._tables[name]
