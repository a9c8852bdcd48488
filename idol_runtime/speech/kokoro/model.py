"""Kokoro-82M: text to sound with exact phoneme times, window by window.

A clause goes through two graphs: one that needs all of it (text to durations and features, a
tenth of the work) and the generator, which is run window by window, so the first sound does not
wait for the last word.
"""

import itertools
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import AUDIO_RATE_HZ
from idol_runtime.errors import BundleError, ConfigError
from idol_runtime.inference.bundle import open_bundle, open_verified
from idol_runtime.inference.service import IteratorService
from idol_runtime.inference.session import OnnxSession, Provider
from idol_runtime.speech.engine import Voice, VoiceCapabilities
from idol_runtime.speech.kokoro.harmonics import HarmonicMix, HarmonicSource
from idol_runtime.speech.kokoro.phonemize import Phonemizer, spoken_here
from idol_runtime.speech.kokoro.statistics import Statistics, StatisticsPredictor, clause_summary
from idol_runtime.speech.kokoro.voices import Voices, native_voice
from idol_runtime.speech.kokoro.windows import STAGE_0, STAGE_1, Window, plan
from idol_runtime.speech.normalize import normalize
from idol_runtime.speech.types import SpeechChunk, SpeechRequest
from idol_runtime.timeline import Phoneme

DEFAULT_VOICE = "af_heart"
UNIT_S = 0.025
"""Kokoro's durations count in this."""
SOUND_LEAD_S = 0.055
"""Kokoro's sound runs ahead of its durations by this: high-band energy follows /s/ and /sh/ best,
and loudness the voiced sounds, when their times are moved 50 to 60 ms earlier (150 utterances)."""
UNIT_FRAMES = 2
MAX_TOKENS = 508
"""Symbols of one clause: 510 positions less the padding."""
FIRST_WINDOW = 24
"""Feature frames (12.5 ms) of a clause's first window: 0.3 s is heard while the next is made."""
LATER_WINDOW = 48
_LEAD_UNITS = 6
"""Kept before the first phoneme: sound starts up to 125 ms before its unit does."""
_PAUSE_UNITS = 2
_SPEEDS = (0.5, 2.0)


class SpeechConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    vocabulary: dict[str, int]
    harmonic_weights: list[float]
    harmonic_bias: float


@dataclass(frozen=True, slots=True, eq=False)
class Clause:
    """What is known of a clause before any of its sound is made."""

    symbols: str
    durations: NDArray[np.int64]
    """(len(symbols) + 2,) units of 25 ms, the padding's first and last."""
    features: NDArray[np.float32]
    """[1, 512, 1, frames] at 80 Hz."""
    pitch_hz: NDArray[np.float32]
    """(frames,)"""
    style: NDArray[np.float32]
    """[1, 256]"""
    gain: NDArray[np.float32]
    """(N,) over all norms, for this style."""
    shift: NDArray[np.float32]

    @property
    def frames(self) -> int:
        return len(self.pitch_hz)


class SpeechModel:
    """Two sessions, the voices and the phonemizer."""

    def __init__(
        self, features: OnnxSession, generator: OnnxSession, voices: Voices, config: SpeechConfig
    ) -> None:
        self._features = features
        self._generator = generator
        self.voices = voices
        self._vocabulary = config.vocabulary
        self._mix = HarmonicMix(np.array(config.harmonic_weights, np.float32), config.harmonic_bias)
        self._predictor = StatisticsPredictor()
        self._phonemizer = Phonemizer(config.vocabulary.keys())

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        provider: Provider = "cpu",
        threads: int = 1,
        is_verified: bool = False,
    ) -> "SpeechModel":
        """Opens a speech bundle; one that is verified already is not read for that again.

        Raises:
            BundleError: the bundle is damaged or of another kind.
            ProviderError: the provider cannot be used here.
        """
        bundle = (open_verified if is_verified else open_bundle)(folder, "speech")
        try:
            config = msgspec.convert(bundle.manifest.config, SpeechConfig)
        except msgspec.ValidationError as error:
            raise BundleError(
                f"{folder}: expected a speech bundle's config, found {error}."
            ) from None
        voices = {
            Path(name).stem: bundle.path(name)
            for name in bundle.manifest.files
            if name.startswith("voices/")
        }
        with ThreadPoolExecutor() as both:  # each takes a core for most of a second
            # The small graph is quantised to int8, which CUDA has no kernels for.
            features = both.submit(
                OnnxSession, bundle.path("features.onnx"), provider="cpu", threads=threads
            )
            generator = both.submit(
                OnnxSession, bundle.path("generator.onnx"), provider=provider, threads=threads
            )
            return cls(features.result(), generator.result(), Voices(voices), config)

    def synthesize(
        self,
        text: str,
        *,
        voice: str = DEFAULT_VOICE,
        language: str = "en-us",
        speed: float = 1.0,
    ) -> Iterator[SpeechChunk]:
        """Speaks a clause; closing the iterator stops after the window in work.

        Text that has nothing to say (emoji, punctuation) gives one empty last chunk.

        Args:
            text: One clause or a few sentences, as written; it is normalised here.
            voice: A name or a blend, see `Voices.style`.
            language: `en-us`, `en-gb`, `ja` or `zh`.
            speed: In [0.5, 2], 1 is the voice's own pace.

        Raises:
            ConfigError: the voice, language or speed is not one of those.
        """
        clauses = self.clauses(text, voice=voice, language=language, speed=speed)
        if not clauses:
            yield SpeechChunk(np.zeros(0, np.int16), (), is_last=True)
        for clause in clauses:
            yield from self._speak(clause, last=clause is clauses[-1])

    def clauses(
        self, text: str, *, voice: str, language: str = "en-us", speed: float = 1.0
    ) -> list[Clause]:
        """The whole-clause part: normalised, phonemized, cut to size, with features."""
        if not _SPEEDS[0] <= speed <= _SPEEDS[1]:
            raise ConfigError(
                f"Expected a speed between {_SPEEDS[0]} and {_SPEEDS[1]}, found {speed}."
            )
        pieces = self._phonemizer.pieces(normalize(text, language), language, MAX_TOKENS)
        return [self._analyse(symbols, voice, speed) for symbols in pieces]

    def _analyse(self, symbols: str, voice: str, speed: float) -> Clause:
        style = self.voices.style(voice, len(symbols))
        tokens = [0, *(self._vocabulary[symbol] for symbol in symbols), 0]
        out = self._features.run(
            {
                "tokens": np.array([tokens], np.int64),
                "style": style,
                "speed": np.array([speed], np.float32),
            }
        )
        return Clause(
            symbols,
            out["durations"],
            out["features"],
            out["pitch"],
            style,
            out["gain"],
            out["shift"],
        )

    def render(
        self, clause: Clause, window: Window, statistics: Statistics | None = None
    ) -> tuple[NDArray[np.float32], Statistics]:
        """Sound of a window in [-1, 1], and the statistics the window has by itself.

        Without statistics the window's own are used, which is exact for a whole clause.
        """
        source = HarmonicSource(clause.pitch_hz, self._mix)
        (seen, seen_stop), (inner, inner_stop) = window.seen, window.inner
        frame = STAGE_0 * STAGE_1
        nothing = np.zeros_like(clause.gain)
        out = self._generator.run(
            {
                "features": clause.features[..., seen:seen_stop],
                "harmonics": source.spectra(seen * frame, seen_stop * frame),
                "inner_harmonics": source.spectra(inner * STAGE_1, inner_stop * STAGE_1),
                "start": np.array([inner - seen * STAGE_0]),
                "stop": np.array([inner_stop - seen * STAGE_0]),
                "gain": clause.gain,
                "shift": clause.shift,
                "mean": statistics.mean if statistics else nothing,
                "variance": statistics.variance if statistics else nothing,
                "trust": np.array(1.0 if statistics else 0.0, np.float32),
            }
        )
        return out["sound"][window.core], Statistics(out["own_mean"], out["own_variance"])

    def _speak(self, clause: Clause, *, last: bool) -> Iterator[SpeechChunk]:
        phonemes = phoneme_times(clause)
        start, stop = (edge * UNIT_FRAMES for edge in spoken_units(clause))
        windows = plan(start, stop, clause.frames, first=FIRST_WINDOW, later=LATER_WINDOW)
        statistics = self._predictor.predict(
            clause_summary(clause.features, clause.pitch_hz, clause.style)
        )
        for window in windows:
            sound, _ = self.render(clause, window, statistics)
            is_end = last and window is windows[-1]
            yield SpeechChunk(to_pcm16(sound), phonemes, is_last=is_end)
            phonemes = ()


def voice_of(request: SpeechRequest, names: Collection[str]) -> str:
    """The voice that is asked for, or one like it in the language that is asked for."""
    voice = request.voice or DEFAULT_VOICE
    return native_voice(voice, request.language, names) if request.is_foreign else voice


def open_kokoro(folder: Path, provider: Provider, threads: int) -> Voice:
    """The engine `kokoro` on a verified bundle; see `SpeechModel.open`."""
    model = SpeechModel.open(folder, provider=provider, threads=threads, is_verified=True)

    def speak(request: SpeechRequest) -> Iterator[SpeechChunk]:
        return model.synthesize(
            request.text,
            voice=voice_of(request, model.voices.names),
            language=request.language,
            speed=request.speed,
        )

    capabilities = VoiceCapabilities(
        sample_rate_hz=AUDIO_RATE_HZ,
        languages=spoken_here(),
        alphabet="ipa",
        has_exact_times=True,
        voices=tuple(model.voices.names),
        blends=True,
    )
    return IteratorService(speak, capabilities)


def spoken_units(clause: Clause) -> tuple[int, int]:
    """The units of 25 ms that are worth playing.

    Kokoro is silent for a quarter of a second before a clause and longer after it. The breath
    before the first sound and a natural pause after the last one stay.
    """
    start = max(int(clause.durations[0]) - _LEAD_UNITS, 0)
    tail = int(clause.durations[-1])
    if not clause.symbols[-1].isalpha():
        tail += max(int(clause.durations[-2]) - _PAUSE_UNITS, 0)
    return start, int(clause.durations.sum()) - tail


def phoneme_times(clause: Clause) -> tuple[Phoneme, ...]:
    """Every symbol with its time in the sound that is played; the padding is a space."""
    start, stop = spoken_units(clause)
    edges_s = np.concatenate([[0], np.cumsum(clause.durations)]) * UNIT_S - SOUND_LEAD_S
    edges_s[-1] = stop * UNIT_S  # the padding lasts to the end of what is played
    times = (np.clip(edges_s, start * UNIT_S, stop * UNIT_S) - start * UNIT_S).tolist()
    return tuple(
        Phoneme(symbol, begin, end)
        for symbol, (begin, end) in zip(
            f" {clause.symbols} ", itertools.pairwise(times), strict=True
        )
        if end > begin
    )


def to_pcm16(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)
