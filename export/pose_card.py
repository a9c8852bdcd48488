"""What a pose bundle says about how it was made."""

from pathlib import Path
from typing import Any

from torch import nn

from training.checkpoint import PROGRESS, checkpoint_of, read_json

_DATA = (
    {
        "name": "procedural performer (training.pose.teacher)",
        "use": "every gesture, dance move, posture and sway is distilled from it",
        "licence": "Apache-2.0 (this project)",
    },
    {
        "name": "FACEGOOD-Audio2Face recordings",
        "use": "voices that the performer answers",
        "licence": "MIT",
    },
    {
        "name": "speech synthesised with Kokoro-82M",
        "use": "voices that the performer answers",
        "licence": "Apache-2.0 (model)",
    },
    {
        "name": "CMU Graphics Lab Motion Capture Database, subjects 01-03",
        "use": "realism prior for trunk and arms; mocap.cs.cmu.edu, funded by NSF EIA-0196217",
        "licence": "free for all uses, not to be resold as data",
    },
)


def pose_card(checkpoint: Path, generator: nn.Module) -> dict[str, Any]:
    """Claims, data, command, seed and, where they were measured, metrics beside their controls."""
    metrics = checkpoint / "metrics.json"
    return {
        "what": "procedural-distilled with a mocap prior",
        "limits": "Nobody's gestures or dance were learnt: the capture holds none; both are what "
        "the procedural performer does. Hands have no fingers. It steps, but does not walk.",
        "architecture": "two LSTM layers with explicit state, feet that lock, legs by inverse "
        "kinematics",
        "parameters": sum(each.numel() for each in generator.parameters()),
        "origin": read_json(checkpoint / "origin.json"),
        "training": read_json(checkpoint / "config.json"),
        "step": read_json(checkpoint_of(checkpoint) / PROGRESS)["step"],
        "data": list(_DATA),
        "metrics": read_json(metrics) if metrics.exists() else {},
    }
