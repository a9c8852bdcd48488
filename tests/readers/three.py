"""three.js and @pixiv/three-vrm-animation, asked where a motion file puts its joints."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from idol_protocol.channels import POSE_BONES

HERE = Path(__file__).parent


def three_js_joints(path: Path, times_s: Sequence[float]) -> dict[str, np.ndarray]:
    """Joint of a BVH -> [T, 3] in the file's unit."""
    return _asked("bvh", str(path), json.dumps(list(times_s)))


def reference_joints(
    path: Path, times_s: Sequence[float], parents: Sequence[int], offsets_m: np.ndarray
) -> np.ndarray:
    """[T, 22, 3] metres of a humanoid with these bones that plays a VRM animation."""
    rig = [
        {"name": bone, "parent": POSE_BONES[parent] if parent >= 0 else "", "offset": list(offset)}
        for bone, parent, offset in zip(POSE_BONES, parents, offsets_m.tolist(), strict=True)
    ]
    joints = _asked("vrma", str(path), json.dumps(list(times_s)), json.dumps(rig))
    return np.stack([joints[bone] for bone in POSE_BONES], axis=1)


def _asked(*arguments: str) -> dict[str, np.ndarray]:
    if shutil.which("node") is None or not (HERE / "node_modules").is_dir():
        pytest.skip("three-vrm-animation is not installed; run tests/install_counterparts.sh")
    done = subprocess.run(
        ["node", str(HERE / "kinematics.mjs"), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return {name: np.array(places) for name, places in json.loads(done.stdout).items()}
