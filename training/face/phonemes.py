"""Phoneme symbols (Kokoro's, misaki-style IPA) -> the mouth-shape classes the face is fed.

A class groups what looks alike on the lips. Diphthongs move through two classes. Symbols without
a mouth shape of their own (stress, length, punctuation) map to nothing or to silence.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Segment: TypeAlias = tuple[str, float, float]
"""Class, start and end in seconds."""

CLASSES: Final = (
    "sil", "pbm", "fv", "th", "tdn", "l", "kg", "ch", "s", "r", "w", "h",
    "aa", "ae", "ee", "ih", "oh", "uu", "er", "ah",
)  # fmt: skip

INPUT_COLUMNS: Final = (*CLASSES, "known")
"""Columns of the generator's `phonemes` input; `known` is 0 when only sound is given."""

_GROUPS: Final = {
    "sil": ";:,.!?—…",
    "pbm": "pbmɸβ",
    "fv": "fvʋ",
    "th": "θð",
    "tdn": "tdnɾʈɖɳʦʣɲcɟ",
    "l": "lʎ",
    "kg": "kɡŋxɣɴqχʁʔ",
    "ch": "ʃʒʧʤʨʥɕʂʝç",
    "s": "sz",
    "r": "ɹrɻɽ",
    "w": "wɥɰ",
    "h": "h",
    "aa": "ɑaɐɒ",
    "ae": "æɛe",
    "ee": "ij",
    "ih": "ɪɨᵻ",
    "oh": "ɔo",
    "uu": "uʊyøœɯ",
    "er": "ɜɚɤ",
    "ah": "ʌəᵊ",
}
_DIPHTHONGS: Final = {
    "A": ("ae", "ee"),
    "I": ("aa", "ih"),
    "O": ("oh", "uu"),
    "W": ("aa", "uu"),
    "Y": ("oh", "ih"),
    "Q": ("ah", "uu"),
    "S": ("ih",),
    "T": ("tdn",),
}

PHONEME_CLASSES: Final[dict[str, tuple[str, ...]]] = {
    **{symbol: (name,) for name, symbols in _GROUPS.items() for symbol in symbols},
    **_DIPHTHONGS,
}
"""Symbol -> classes that share its time equally; a symbol that is absent has no shape."""


def segments(
    symbols: Sequence[str], starts_s: Sequence[float], ends_s: Sequence[float]
) -> list[Segment]:
    """Classes in time; what has no shape is left out."""
    found: list[Segment] = []
    for symbol, start, end in zip(symbols, starts_s, ends_s, strict=True):
        names = PHONEME_CLASSES.get(symbol, ())
        part = (end - start) / max(len(names), 1)
        found.extend(
            (name, start + index * part, start + (index + 1) * part)
            for index, name in enumerate(names)
        )
    return found


def activations(spans: Sequence[Segment], frames: int, fps: float) -> NDArray[np.float32]:
    """Inputs [frames, P]: the share of each frame that each class fills; the rest is `sil`."""
    shares = np.zeros((frames, len(INPUT_COLUMNS)), np.float32)
    for name, start, end in spans:
        first, last = max(int(start * fps), 0), min(int(np.ceil(end * fps)), frames)
        for frame in range(first, last):
            overlap = min(end, (frame + 1) / fps) - max(start, frame / fps)
            shares[frame, CLASSES.index(name)] += max(overlap, 0) * fps
    silence = 1 - shares[:, 1 : len(CLASSES)].sum(axis=1)
    shares[:, 0] = np.clip(silence, 0, 1)
    shares[:, -1] = 1
    return shares
