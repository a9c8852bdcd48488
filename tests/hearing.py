"""A small recogniser, to check that speech is intelligible: Whisper tiny.en on CTranslate2."""

import functools
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly
from tokenizers import Tokenizer

from idol_runtime.speech.normalize import normalize

_RATE_HZ = 16_000
_WINDOW_S = 30
_SECONDS_EACH = 28


def transcribe(samples: NDArray[np.int16]) -> str:
    """What a recogniser makes of mono PCM16 at 24 kHz."""
    sound = resample_poly(samples.astype(np.float32) / 32768, 2, 3)
    step = _SECONDS_EACH * _RATE_HZ
    parts = [sound[start : start + step] for start in range(0, max(len(sound), 1), step)]
    return " ".join(_hear(part) for part in parts if len(part) > _RATE_HZ // 10).strip()


def word_recall(reference: str, recognised: str) -> float:
    """The share of the reference's words that were recognised, in order, numbers read out."""
    wanted, got = _words(reference), _words(recognised)
    if not wanted:
        return 1.0
    longest = [0] * (len(got) + 1)
    for word in wanted:
        previous = longest[:]
        for index, other in enumerate(got):
            longest[index + 1] = (
                previous[index] + 1 if word == other else max(previous[index + 1], longest[index])
            )
    return longest[-1] / len(wanted)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", normalize(text).lower().replace("'", "").replace("-", " "))


def _hear(sound: NDArray[np.floating[Any]]) -> str:
    import ctranslate2

    model, tokenizer = _model()
    features = ctranslate2.StorageView.from_array(log_mel(sound)[None])
    start = "<|startoftranscript|>"
    prompt = [tokenizer.token_to_id(start), tokenizer.token_to_id("<|notimestamps|>")]
    result = model.generate(features, [prompt], beam_size=2, max_length=220)[0]
    return str(tokenizer.decode(result.sequences_ids[0], skip_special_tokens=True))


@functools.cache
def _model() -> tuple[Any, Tokenizer]:
    import ctranslate2

    from idol_runtime.store import default_store

    folder = Path(default_store().pull("whisper-tiny-en"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return ctranslate2.models.Whisper(str(folder), compute_type="int8", intra_threads=1), tokenizer


def log_mel(sound: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """(80, 3000): Whisper's features of 30 s (Radford et al. 2022)."""
    padded = np.zeros(_WINDOW_S * _RATE_HZ)
    padded[: len(sound)] = sound
    padded = np.pad(padded, 200, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160][:3000]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    log = np.log10(np.maximum(_mel_filters() @ power.T, 1e-10))
    log = np.maximum(log, log.max() - 8)
    return np.ascontiguousarray((log + 4) / 4, np.float32)


@functools.cache
def _mel_filters() -> NDArray[np.float64]:
    """(80, 201) triangles on Slaney's mel scale, each of unit area."""

    def hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

    top = 15 + np.log(8000 / 1000) * 27 / np.log(6.4)
    edges = hertz(np.linspace(0, top, 82))
    bins = np.fft.rfftfreq(400, 1 / _RATE_HZ)
    widths = np.diff(edges)
    rising = (bins - edges[:-2, None]) / widths[:-1, None]
    falling = (edges[2:, None] - bins) / widths[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(triangles * (2 / (edges[2:] - edges[:-2]))[:, None])
