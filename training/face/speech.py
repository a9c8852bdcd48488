"""Speech with exact phoneme times, to teach the face from.

    python -m training.face.speech --kokoro DIR --out ~/.cache/idol_training/speech --minutes 10

`DIR` holds `kokoro-int8.onnx`, `vocab.json` and `voices/*.bin`. Writes one `.npz` per sentence
(`audio` int16 at 24 kHz, `symbols`, `starts_s`, `ends_s`, `voice`, `text`); what is there is kept,
so an interrupted run goes on where it stopped.
"""

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnx
import onnxruntime as ort
import soxr
from numpy.typing import NDArray
from rich.progress import Progress, TimeRemainingColumn

from idol_protocol.frames import AUDIO_RATE_HZ
from training.face.phonemes import CLASSES, Segment, segments
from training.face.sentences import phonemizer, sentences

DURATION_UNIT_SAMPLES = 600
SOUND_LEAD_S = 0.055
"""Kokoro's sound runs ahead of its durations by this, as is audible in fricatives and vowels:
over 150 utterances, high-band energy follows /s/ and /sh/ best, and loudness the voiced sounds,
when their times are moved 50 to 60 ms earlier. The files keep the model's own times."""
HELD_OUT_VOICES = ("bf_isabella", "am_adam", "zf_xiaoni", "zm_yunyang")
"""Never trained on: every score on synthesised speech is theirs."""
VALIDATION_VOICES = ("bf_lily", "am_liam", "zm_yunxi")
"""Never trained on either: they tell a run whether it still gets better."""


@dataclass(frozen=True, slots=True)
class SyntheticUtterance:
    samples: NDArray[np.float32]
    """[n] at 24 kHz, in [-1, 1]."""
    spans: list[Segment]
    voice: str
    text: str

    def played(self, speed: float) -> Self:
        """The same words from a throat of another size: sound and times squeezed by `speed`."""
        samples = soxr.resample(self.samples, AUDIO_RATE_HZ * speed, AUDIO_RATE_HZ)
        spans = [(name, start / speed, end / speed) for name, start, end in self.spans]
        return replace(self, samples=samples, spans=spans)


class TimedVoice:
    """Kokoro with its duration tensor as a second output (one integer per token, 25 ms each)."""

    def __init__(self, folder: Path) -> None:
        model = onnx.load(folder / "kokoro-int8.onnx")
        model.graph.output.append(onnx.ValueInfoProto(name="/encoder/Clip_output_0"))
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._vocab: dict[str, int] = json.loads((folder / "vocab.json").read_text())["vocab"]
        self._folder = folder / "voices"
        self.voices = sorted(path.stem for path in self._folder.glob("*.bin"))

    def speak(self, phonemes: str, voice: str, speed: float) -> dict[str, NDArray[Any]]:
        symbols = [symbol for symbol in phonemes if symbol in self._vocab][:508]
        styles = np.fromfile(self._folder / f"{voice}.bin", np.float32).reshape(-1, 1, 256)
        tokens = [0, *(self._vocab[symbol] for symbol in symbols), 0]
        audio, units = self._session.run(
            None,
            {
                "tokens": np.array([tokens], np.int64),
                "style": styles[len(symbols)],
                "speed": np.array([speed], np.float32),
            },
        )
        ends = np.cumsum(units.ravel()) * DURATION_UNIT_SAMPLES / AUDIO_RATE_HZ
        return {
            "audio": (np.clip(audio.ravel(), -1, 1) * 32767).astype(np.int16),
            "symbols": np.array(symbols),
            "starts_s": ends[:-2].astype(np.float32),
            "ends_s": ends[1:-1].astype(np.float32),
        }


def synthesise(
    folder: Path, out: Path, minutes: float, seed: int, languages: Sequence[str]
) -> None:
    """Sentences by every voice in turn, languages in turn, until there are enough minutes."""
    out.mkdir(parents=True, exist_ok=True)
    model = TimedVoice(folder)
    phonemizers = {language: phonemizer(language) for language in languages}
    texts = {language: iter(sentences(language, 6000, seed)) for language in languages}
    with Progress(*Progress.get_default_columns(), TimeRemainingColumn()) as progress:
        task = progress.add_task("speech (s)", total=minutes * 60)
        done, index = 0.0, 0
        while done < minutes * 60:
            rng = random.Random(f"{seed} {index}")
            language, voice = _cast(model.voices, languages, rng)
            text = next(texts[language])
            path = out / f"{index:04d}.npz"
            if not path.exists():
                take = model.speak(phonemizers[language](text), voice, rng.uniform(0.8, 1.25))
                partial = path.with_suffix(".part.npz")
                np.savez_compressed(
                    partial,
                    voice=np.array(voice),
                    text=np.array(text),
                    language=np.array(language),
                    **take,  # type: ignore[arg-type]  # numpy types **arrays as its flag
                )
                partial.rename(path)
            with np.load(path) as take:
                done += len(take["audio"]) / AUDIO_RATE_HZ
            index += 1
            progress.update(task, completed=done)


def _cast(voices: Sequence[str], languages: Sequence[str], rng: random.Random) -> tuple[str, str]:
    """A language and a voice: native ones twice as often, the held-out ones among them.

    A voice is a timbre; those of other languages speak these with an accent, as people do.
    """
    language = rng.choice(languages)
    initials = {"en": "ab", "zh": "z"}[language]
    native = [voice for voice in voices if voice[0] in initials]
    return language, rng.choice(native if rng.random() < 2 / 3 else voices)


def load_speech(folder: Path) -> list[SyntheticUtterance]:
    """What `training.face.speech` wrote."""
    found = []
    for path in sorted(folder.glob("[0-9]*.npz")):
        if path.name.endswith(".part.npz"):
            continue
        with np.load(path) as take:
            spans = segments(
                take["symbols"].tolist(),
                (take["starts_s"] - SOUND_LEAD_S).tolist(),
                (take["ends_s"] - SOUND_LEAD_S).tolist(),
            )
            samples = take["audio"].astype(np.float32) / 32768
            found.append(SyntheticUtterance(samples, spans, str(take["voice"]), str(take["text"])))
    if not found:
        raise SystemExit(
            f"{folder}: expected synthesised speech, found none; "
            "make it with `python -m training.face.speech`."
        )
    return found


def hummed_utterances(count: int, seed: int) -> list[SyntheticUtterance]:
    """Made-up speech without a model: a tone per phoneme. For smoke runs and tests only."""
    rng = np.random.default_rng(seed)
    utterances = []
    for _ in range(count):
        spans: list[Segment] = []
        clock, pieces = 0.0, []
        for _ in range(int(rng.integers(12, 20))):
            name = str(rng.choice(CLASSES[1:]))
            length_s = float(rng.integers(2, 6)) * 0.025
            spans.append((name, clock, clock + length_s))
            time_s = np.arange(round(length_s * AUDIO_RATE_HZ)) / AUDIO_RATE_HZ
            loud = 0.02 if name in ("pbm", "fv", "tdn", "kg", "s", "ch") else 0.25
            pitch_hz = 150 + 60 * CLASSES.index(name)
            pieces.append(loud * np.sin(2 * np.pi * pitch_hz * time_s))
            clock += length_s
        samples = np.concatenate(pieces).astype(np.float32)
        utterances.append(SyntheticUtterance(samples, spans, "hum", ""))
    return utterances


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--kokoro", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--languages", nargs="+", choices=("en", "zh"), default=("en", "zh"))
    args = parser.parse_args()
    synthesise(args.kokoro, args.out, args.minutes, args.seed, args.languages)


if __name__ == "__main__":
    main()
