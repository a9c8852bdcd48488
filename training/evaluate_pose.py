"""Measures a trained pose generator beside its controls and writes metrics.json into the run.

    python -m training.evaluate_pose --run runs/pose --data DATA

Voices are those of the GRID speakers, whom training never hears.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from idol_protocol.channels import ACTIVITIES, POSE_BONES
from training.checkpoint import load_weights, read_json
from training.features import FPS
from training.motion_files import read_archive
from training.noise import draw_noise
from training.pose.data import STYLE_SIZE, make_clips, read_voices, voice_features
from training.pose.drivers import NOISE
from training.pose.metrics import (
    diversity_cm,
    foot_skate_cm_s,
    jerk_m_s3,
    largest_turn_deg,
    voice_relation,
)
from training.pose.mocap import is_calm
from training.pose.model import PoseGenerator, decode
from training.pose.skeleton import forward_kinematics
from training.pose.springs import voice_level

_ANKLES = [POSE_BONES.index("leftFoot"), POSE_BONES.index("rightFoot")]
_HANDS = [POSE_BONES.index("leftHand"), POSE_BONES.index("rightHand")]
_LAGS = range(0, 31, 3)


def measure(run: Path, data: Path, seed: int) -> dict[str, Any]:
    settings = read_json(run / "config.json")
    generator = PoseGenerator(settings["width"], settings["layers"]).eval()
    load_weights(run, "generator_ema", generator)
    voices = read_voices([data / "face" / "grid"])
    with torch.no_grad():
        return {
            "seed": seed,
            **_mixed(generator, voices, seed),
            **_idle(generator, seed),
            **_speaking(generator, voices, seed),
            "mocap_jerk_m_s3": _mocap_jerk(data),
        }


def _mixed(generator: PoseGenerator, voices: list[Any], seed: int) -> dict[str, float]:
    """Scripted conversations, beside the teacher that performs the same ones."""
    clips = make_clips(voices, 16, 900, np.random.default_rng(seed))
    local, hips_m = _perform(
        generator, clips.audio, clips.activity, clips.emotion, clips.style, clips.noise
    )
    joints, _ = forward_kinematics(local, hips_m)
    taught, _ = forward_kinematics(clips.local, clips.hips_m)
    return {
        "joints_off_teacher_cm": float((joints - taught).norm(dim=-1).mean() * 100),
        "foot_skate_cm_s": foot_skate_cm_s(joints[:, :, _ANKLES]),
        "jerk_m_s3": jerk_m_s3(joints),
        "teacher_jerk_m_s3": jerk_m_s3(taught),
        "largest_turn_deg_per_frame": largest_turn_deg(local),
        "teacher_largest_turn_deg_per_frame": largest_turn_deg(clips.local),
    }


def _idle(generator: PoseGenerator, seed: int) -> dict[str, float]:
    """Ten minutes of one idle character, and one minute of four that differ in seed alone."""
    long_joints = _alone(generator, "idle", None, frames=600 * FPS, seeds=[seed])
    short = _alone(generator, "idle", None, frames=60 * FPS, seeds=list(range(seed, seed + 4)))
    minutes = long_joints[0].unflatten(0, (10, -1))
    return {
        "idle_joint_std_cm": float(minutes[0].std(dim=0).norm(dim=-1).mean() * 100),
        "idle_joint_std_tenth_minute_cm": float(minutes[9].std(dim=0).norm(dim=-1).mean() * 100),
        "idle_diversity_over_seeds_cm": diversity_cm(short),
    }


def _speaking(generator: PoseGenerator, voices: list[Any], seed: int) -> dict[str, Any]:
    """Do hands follow the voice? The control shifts the voice against them by 5 s and more."""
    frames, rows = 60 * FPS, 8
    rng = np.random.default_rng(seed)
    speaking = np.ones(frames, bool)
    audio = torch.from_numpy(
        np.stack([voice_features(voices, frames, speaking, rng) for _ in range(rows)])
    )
    seeds = list(range(seed, seed + rows))
    joints = _alone(generator, "speak", audio, frames=frames, seeds=seeds)
    effort = joints[:, :, _HANDS, 1].mean(dim=-1)
    level = voice_level(audio)
    best = max(_LAGS, key=lambda lag: voice_relation(effort, level, lag))
    shifted = [
        voice_relation(effort, level.roll(5 * FPS * shift, dims=1), best) for shift in range(1, 11)
    ]
    return {
        "hand_height_vs_voice_r": voice_relation(effort, level, best),
        "hand_height_vs_voice_lag_frames": best,
        "control_shifted_voice_r_mean": float(np.mean(shifted)),
        "control_shifted_voice_r_std": float(np.std(shifted)),
        "speak_diversity_over_seeds_cm": diversity_cm(
            _alone(generator, "speak", audio[:1].expand(4, -1, -1), frames=frames, seeds=seeds[:4])
        ),
    }


def _alone(
    generator: PoseGenerator, activity: str, audio: Tensor | None, *, frames: int, seeds: list[int]
) -> Tensor:
    """Joints [seeds, T, 22, 3] of one plain style doing one thing."""
    rows = len(seeds)
    doing = torch.zeros(rows, frames, len(ACTIVITIES))
    doing[..., ACTIVITIES.index(activity)] = 1
    noise = np.stack([draw_noise(NOISE, frames, FPS, np.random.default_rng(s)) for s in seeds])
    if audio is None:
        silence = voice_features([], frames, np.zeros(frames, bool), np.random.default_rng(0))
        audio = torch.from_numpy(silence).expand(rows, -1, -1)
    style = torch.zeros(rows, frames, STYLE_SIZE)
    emotion = torch.zeros(rows, frames, 8)
    local, hips_m = _perform(generator, audio, doing, emotion, style, torch.from_numpy(noise))
    return forward_kinematics(local, hips_m)[0]


def _perform(generator: PoseGenerator, *inputs: Tensor) -> tuple[Tensor, Tensor]:
    motion, _ = generator(*inputs, generator.initial_state(len(inputs[0])))
    return decode(motion, inputs[3])


def _mocap_jerk(data: Path) -> float:
    """Of the calm stretches, by the same formula on the same skeleton."""
    found = []
    for archive in sorted((data / "body").rglob("*.tar.xz")):
        for clip in read_archive(archive, fps=FPS):
            calm = is_calm(clip)
            for start in range(0, len(calm) - FPS, FPS):
                if calm[start : start + FPS].all():
                    part = slice(start, start + FPS)
                    local = torch.from_numpy(clip.local[part]).float()
                    joints, _ = forward_kinematics(
                        local, torch.from_numpy(clip.hips_m[part]).float()
                    )
                    found.append(jerk_m_s3(joints[None]))
    return float(np.mean(found))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures a pose generator.")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    metrics = measure(args.run, args.data, args.seed)
    metrics["command"] = (
        f"python -m training.evaluate_pose --run RUN --data DATA --seed {args.seed}"
    )
    (args.run / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    print(json.dumps(metrics, indent=2))


if __name__ == "__main__":
    main()
