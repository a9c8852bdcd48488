"""Measures a face run on what it never trained on, each number beside its controls.

    python -m training.evaluate_face --run runs/face --data DATA \
        --speech ~/.cache/idol_training/speech

Writes `metrics.json` into the run; `python -m export.face` puts it into the bundle's card.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly

from idol_protocol.channels import ACTIVITIES
from training.checkpoint import command_line, load_weights, read_json
from training.face.data import (
    HELD_OUT_CAPTURE,
    Stream,
    captured_stream,
    load_takes,
    loudness,
    read_sound,
    taught_stream,
)
from training.face.model import LIPS, MADE, STYLE_SIZE, Conditions, FaceGenerator
from training.face.phonemes import INPUT_COLUMNS
from training.face.speech import HELD_OUT_VOICES, load_speech
from training.face.upper import FPS, NOISE
from training.features import RATE_HZ, log_mel
from training.noise import draw_noise
from training.train_face import Settings, opening

JAW = MADE.index("jawOpen")
SHUT = 0.05
"""A mouth opened less than this is closed; open vowels reach 0.3."""

Motion = NDArray[np.float32]


class Evaluation:
    def __init__(self, run: Path) -> None:
        settings = msgspec.convert(read_json(run / "config.json"), Settings)
        self.ahead = settings.lookahead_frames
        self.generator = FaceGenerator(settings.model).eval()
        load_weights(run, "generator_ema", self.generator)

    @torch.no_grad()
    def play(self, stream: Stream, *, seed: int | None = None) -> Motion:
        """The generator's motion [frames, 51] for a stream; `seed` draws other noise."""
        frames = len(stream.audio)
        later = np.minimum(np.arange(frames) + self.ahead, frames - 1)
        noise = stream.noise
        if seed is not None:
            noise = draw_noise(NOISE, frames, FPS, np.random.default_rng(seed))
        style = torch.from_numpy(stream.style)[None]
        if stream.captured:
            style = self.generator.captured_style.expand_as(style)
        given = Conditions(
            torch.from_numpy(stream.audio[later])[None],
            torch.from_numpy(stream.phonemes[later])[None],
            torch.from_numpy(stream.activity)[None],
            torch.from_numpy(stream.emotion)[None],
            style,
            torch.from_numpy(noise)[None],
        )
        made, _ = self.generator(given, torch.zeros(1, self.generator.state_size))
        motion: Motion = made[0].numpy()
        return motion


def correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def best_lag(made: NDArray[Any], real: NDArray[Any], reach: int = 6) -> int:
    """Frames by which `made` is late (positive) where it fits `real` best."""
    middle = real[reach:-reach]
    scores = [
        correlation(made[reach + lag : len(made) - reach + lag], middle)
        for lag in range(-reach, reach + 1)
    ]
    return int(np.argmax(scores)) - reach


def against_capture(evaluation: Evaluation, data: Path) -> dict[str, Any]:
    """The held-out FACEGOOD clip: same speaker as the training clips."""
    path = data / "face" / "facegood" / f"{HELD_OUT_CAPTURE}.csv"
    stream = captured_stream(path, np.random.default_rng(0), clean=True)
    made = evaluation.play(stream)
    loud = loudness(read_sound(path.with_suffix(".wav")), len(made))
    moving = [
        index
        for index in np.flatnonzero(stream.mask)
        if index < len(LIPS) and stream.target[:, index].std() > 0.01
    ]
    each = {MADE[i]: round(correlation(made[:, i], stream.target[:, i]), 3) for i in moving}
    jaw = stream.target[:, JAW]
    shifted = [correlation(np.roll(made[:, JAW], FPS * s), jaw) for s in range(5, 45, 5)]
    return {
        "jaw_r": correlation(made[:, JAW], jaw),
        "jaw_best_lag_frames": best_lag(made[:, JAW], jaw),
        "mean_r_moving_lip_channels": float(np.mean(list(each.values()))),
        "r": each,
        "control_loudness_jaw_r": correlation(loud, jaw),
        "control_time_shifted_jaw_r_mean": float(np.mean(shifted)),
        "control_time_shifted_jaw_r_max": float(np.max(shifted)),
    }


def against_grid(evaluation: Evaluation, data: Path) -> dict[str, Any]:
    """GRID clips: speakers never seen, zero-shot with the average style."""
    jaws, mades, louds = [], [], []
    for path in sorted((data / "face" / "grid").glob("*.npz")):
        with np.load(path) as clip:
            rate, fps = int(clip["sr"]), float(clip["fps"])
            names = [str(name) for name in clip["names"]]
            sound = clip["audio"].astype(np.float64) / 32768
            jaw = clip["blendshapes"][:, names.index("jawOpen")]
        divisor = int(np.gcd(rate, RATE_HZ))
        sound = resample_poly(sound, RATE_HZ // divisor, rate // divisor).astype(np.float32)
        frames = int(len(jaw) / fps * FPS)
        features = log_mel(torch.from_numpy(sound)).numpy()[:frames]
        frames = len(features)
        made = evaluation.play(_speaking(features))
        times_s = np.arange(frames) / FPS
        jaws.append(np.interp(times_s, np.arange(len(jaw)) / fps, jaw))
        mades.append(made[:, JAW])
        louds.append(loudness(sound, frames))
    least = min(len(jaw) for jaw in jaws)
    stack = np.stack([jaw[:least] for jaw in jaws])
    others = [np.delete(stack, i, axis=0).mean(axis=0) for i in range(len(stack))]
    pairs = list(zip(mades, jaws, strict=True))
    return {
        "clips": len(jaws),
        "jaw_r": float(np.mean([correlation(made, jaw) for made, jaw in pairs])),
        "jaw_best_lag_frames": [best_lag(made, jaw) for made, jaw in pairs],
        "control_loudness_jaw_r": float(np.mean([*map(correlation, louds, jaws)])),
        "control_mean_curve_jaw_r": float(np.mean([*map(correlation, others, stack)])),
        "control_other_clip_jaw_r": float(
            np.mean([correlation(mades[i - 1][:least], stack[i]) for i in range(len(stack))])
        ),
    }


def _speaking(features: Motion, doing: str = "speak") -> Stream:
    frames = len(features)
    activity = np.zeros((frames, len(ACTIVITIES)), np.float32)
    activity[:, ACTIVITIES.index(doing)] = 1
    return Stream(
        features,
        np.zeros((frames, len(INPUT_COLUMNS)), np.float32),
        activity,
        np.zeros((frames, 8), np.float32),
        np.zeros((frames, STYLE_SIZE), np.float32),
        draw_noise(NOISE, frames, FPS, np.random.default_rng(0)),
        np.zeros((frames, len(MADE)), np.float32),
        np.zeros(frames, np.float32),
        np.zeros(len(MADE), np.float32),
    )


def against_teacher(evaluation: Evaluation, speech: Path) -> dict[str, Any]:
    """Held-out voices, with and without phonemes; the sentences share templates with training."""
    utterances = [u for u in load_speech(speech) if u.voice in HELD_OUT_VOICES]
    found: dict[str, Any] = {"utterances": len(utterances)}
    for name, known in (("phonemes_known", 1.0), ("sound_only", 0.0)):
        rng = np.random.default_rng(1)
        style = np.zeros(STYLE_SIZE, np.float32)
        stream = taught_stream(utterances, rng, style=style, known=known, clean=True)
        made = evaluation.play(stream)
        other = evaluation.play(stream, seed=7)
        moving = [i for i in range(len(LIPS)) if stream.target[:, i].std() > 0.01]
        found[name] = {
            "jaw_r": correlation(made[:, JAW], stream.target[:, JAW]),
            "mean_r_moving_lip_channels": float(
                np.mean([correlation(made[:, i], stream.target[:, i]) for i in moving])
            ),
            "closure": closure_f1(made, stream),
            "control_closure_shifted": closure_f1(np.roll(made, 17, axis=0), stream),
            "lips_difference_between_seeds": float(np.abs(made - other)[:, : len(LIPS)].max()),
            "head_difference_between_seeds_deg": float(
                np.abs(made - other)[:, MADE.index("headYaw")].mean()
            ),
        }
    return found


def closure_f1(made: Motion, stream: Stream) -> dict[str, float]:
    """Per closure: found when the mouth shuts within a frame of it. Per shutting: right when the
    teacher's mouth is shut, too, within two frames. Only inside speech.
    """
    speaking = stream.activity[:, ACTIVITIES.index("speak")] > 0
    shut = (opening(torch.from_numpy(made)).numpy() < SHUT) & speaking
    taught = (opening(torch.from_numpy(stream.target)).numpy() < SHUT) & speaking
    wanted = _runs(stream.closed > 0)
    recall = float(np.mean([shut[max(0, a - 1) : b + 1].any() for a, b in wanted]))
    precision = float(np.mean([taught[max(0, a - 2) : b + 2].any() for a, b in _runs(shut)]))
    return {"recall": recall, "precision": precision,
            "f1": 2 * recall * precision / max(recall + precision, 1e-9)}  # fmt: skip


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def in_silence(evaluation: Evaluation, data: Path) -> dict[str, Any]:
    """Five minutes without sound per activity: mouth, blinks, gaze, head."""
    features = log_mel(torch.zeros(RATE_HZ * 300)).numpy()
    found: dict[str, Any] = {}
    for name in ACTIVITIES:
        made = evaluation.play(_speaking(features, name))
        found[name] = {
            "largest_opening": float(opening(torch.from_numpy(made)).max()),
            **blinks(made[:, MADE.index("eyeBlinkLeft")]),
            "head_yaw_sd_deg": float(made[:, MADE.index("headYaw")].std()),
            "eye_yaw_sd_deg": float(made[:, MADE.index("leftEyeYaw")].std()),
            "brow_sd": float(made[:, MADE.index("browInnerUp")].std()),
        }
    takes, _ = load_takes(data)
    found["live_link_takes"] = [blinks(take[:, MADE.index("eyeBlinkLeft")]) for take in takes]
    return found


def blinks(lid: NDArray[Any]) -> dict[str, float]:
    """Rate and median length of stretches over 0.5."""
    lengths = [b - a for a, b in _runs(lid > 0.5)]
    return {
        "blinks_per_minute": len(lengths) / (len(lid) / FPS / 60),
        "blink_ms": float(np.median(lengths)) * 1000 / FPS if lengths else 0.0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures a face run on held-out material.")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--speech", type=Path, required=True)
    args = parser.parse_args()
    evaluation = Evaluation(args.run)
    metrics = {
        "command": command_line()
        .replace(str(args.data), "DATA")
        .replace(str(args.speech), "SPEECH"),
        "facegood_held_out_clip": against_capture(evaluation, args.data),
        "grid_zero_shot": against_grid(evaluation, args.data),
        "held_out_voices": against_teacher(evaluation, args.speech),
        "silence": in_silence(evaluation, args.data),
    }
    rounded = json.loads(json.dumps(metrics), parse_float=lambda text: round(float(text), 4))
    (args.run / "metrics.json").write_text(json.dumps(rounded, indent=2) + "\n")
    print(json.dumps(rounded, indent=1))


if __name__ == "__main__":
    main()
