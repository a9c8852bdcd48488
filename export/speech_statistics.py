"""Fits the predictor of the voice generator's norm statistics.

    python -m export.speech_statistics BUNDLE --out idol_runtime/speech/statistics.npz

Kokoro's generator normalises over the whole clause, so windows can be rendered only with
statistics of sound that is not made yet. They follow almost linearly from what is known before:
time averages of the features and the pitch, and the style. This renders clauses of all voices as
a whole, and fits a ridge regression of low rank to the statistics they turned out to have.
About 10 minutes for the default 600 clauses on one core; `--collect` keeps the measurements.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idol_runtime.speech.kokoro.model import Clause, SpeechModel
from idol_runtime.speech.kokoro.statistics import clause_summary
from idol_runtime.speech.kokoro.windows import Window

OPENERS = """Sure!|Hello there.|Yes, of course.|Hmm, let me think.|No way!|I'm Mira.|Welcome back.|
Oh,|Well,|Good morning to you.|I love the rain.|Just go.|Stop!|Okay, okay, you win.|
That sounds fun to me.|I will be right back.|Could you say that again, please?|Hi!|Why not?"""
SENTENCES = """It depends on the weather.|Do you want to hear a story about the old king?|
My favourite colour is blue, like the sea at night.|Thank you so much for the gift.|
The market opens at nine, and the best bread is gone by ten.|Magic is simple once you listen.|
I have never seen a dragon, but my grandmother said she did.|You should rest now.|
Be careful on the northern road; wolves have been seen there.|What a beautiful song that was!|
Can you believe that we finally made it to the top of the mountain?|He chose cheese and juice.|
I think the answer is hidden somewhere in the library behind the castle.|Do you know the way?|
There are three kinds of mushrooms in this forest, and only one of them is safe to eat.|
When I was young, we used to swim in the river every summer until the sun went down.|
The blacksmith makes the finest swords in the kingdom, though he would never admit it himself.|
Please tell everyone in the chat that the stream starts in five minutes, and bring your snacks.|
It was a dark and stormy night, and the only light came from a small lantern in the window.|
If you follow the path along the cliff, you will find a lighthouse where nobody lives now.|
Honestly, I am nervous about tonight, but I have practiced for weeks, so wish me luck!|
The vision of a red azure garage puzzled both the judge and the young treasurer.|
She thought that those thin feathers would soothe her brother's aching tooth.|
We go way up high to watch the low moon fly by, while owls howl at the hour."""


def main(arguments: argparse.Namespace) -> None:
    if not arguments.collect.exists():
        collect(arguments.bundle, arguments.collect, arguments.clauses, arguments.seed)
    fit(np.load(arguments.collect), arguments.out, arguments.rank, arguments.ridge)


def collect(bundle: Path, out: Path, clauses: int, seed: int) -> None:
    """Renders clauses whole and keeps summaries and statistics."""
    rng = np.random.default_rng(seed)
    model = SpeechModel.open(bundle, threads=1)
    names = model.voices.names
    rows: list[dict[str, Any]] = []
    for index in range(clauses):
        voice = names[index % len(names)]
        pool = (OPENERS if rng.random() < 0.35 else SENTENCES).replace("\n", "").split("|")
        text, speed = str(rng.choice(pool)), float(rng.choice([0.9, 1.0, 1.0, 1.0, 1.1, 1.2]))
        clause = model.clauses(text, voice=voice, speed=speed)[0]
        rows.append(_row(model, clause, voice, text))
        if index % 20 == 0:
            print(f"{index}/{clauses}", flush=True)
    table: dict[str, Any] = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    np.savez(out, **table)


def _row(model: SpeechModel, clause: Clause, voice: str, text: str) -> dict[str, Any]:
    _, own = model.render(clause, Window(0, clause.frames, clause.frames))
    return {
        "voice": voice,
        "text": text,
        "frames": clause.frames,
        "summary": clause_summary(clause.features, clause.pitch_hz, clause.style),
        "mean": own.mean,
        "variance": own.variance,
    }


def fit(data: Any, out: Path, rank: int, ridge: float) -> None:
    """Ridge regression on standardised columns, reduced to `rank`; reports held-out texts."""
    held_out = np.isin(data["text"], np.unique(data["text"])[::5])
    for name, rows in (("held-out texts", held_out), ("all", np.zeros_like(held_out))):
        model = _solve(data, ~rows, rank, ridge)
        if rows.any():
            print(name, _report(model, data, rows & (data["frames"] >= 160)), "long")
            print(name, _report(model, data, rows & (data["frames"] < 160)), "short")
    fitted: dict[str, Any] = dict(model)
    np.savez_compressed(out, **fitted)


def _solve(data: Any, rows: NDArray[Any], rank: int, ridge: float) -> dict[str, NDArray[Any]]:
    inputs = data["summary"][rows].astype(np.float64)
    targets, spread = _targets(data, rows)
    centre, scale = inputs.mean(0), inputs.std(0) + 1e-6
    bias = targets.mean(0)
    z = (inputs - centre) / scale
    kernel = z @ z.T + ridge * len(z) * np.eye(len(z))
    weights = z.T @ np.linalg.solve(kernel, targets - bias)
    # Reduced by what it predicts, not by its own size: the basis of its fitted values.
    _, _, basis = np.linalg.svd(z @ weights, full_matrices=False)
    basis = basis[:rank]
    return {
        "centre": centre.astype(np.float32),
        "scale": scale.astype(np.float32),
        "project": (weights @ basis.T).astype(np.float32),
        "expand": basis.astype(np.float16),
        "bias": bias.astype(np.float32),
        "spread": spread.astype(np.float32),
    }


def _targets(data: Any, rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Means in units of a norm's usual deviation, and half the log of the variances."""
    log_deviation = np.log(data["variance"][rows].astype(np.float64) + 1e-8) / 2
    spread = np.exp(log_deviation.mean(0))
    return np.concatenate([data["mean"][rows] / spread, log_deviation], axis=1), spread


def _report(model: dict[str, NDArray[Any]], data: Any, rows: NDArray[Any]) -> str:
    z = (data["summary"][rows] - model["centre"]) / model["scale"]
    predicted = z @ model["project"] @ model["expand"].astype(np.float32) + model["bias"]
    deviation = np.sqrt(data["variance"][rows] + 1e-8)
    channels = len(model["spread"])
    mean_error = (predicted[:, :channels] * model["spread"] - data["mean"][rows]) / deviation
    log_error = predicted[:, channels:] - np.log(deviation)
    return (
        f"{rows.sum()} clauses: mean off by {np.sqrt((mean_error**2).mean()):.3f} deviations, "
        f"deviation by {100 * np.sqrt((log_error**2).mean()):.1f} %"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--collect", type=Path, default=Path("out/speech_statistics_data.npz"))
    parser.add_argument("--clauses", type=int, default=600)
    parser.add_argument("--rank", type=int, default=96)
    parser.add_argument("--ridge", type=float, default=0.03)
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args())
