"""What a character's frame costs in ONNX Runtime, on one thread."""

import json
import os
import platform
import time
from pathlib import Path
from typing import Final, Literal

import numpy as np
import onnxruntime as ort

from training.evaluation.report import Found, Metrics, cell, grid

BATCHES: Final = (1, 128)


def frame_cost(bundle: Path, kind: Literal["face", "pose"], *, rounds: int = 200) -> Metrics:
    """Microseconds for one character's frame in batches of 1 and 128: median and 95th percentile.

    Raises:
        SystemExit: the folder holds no bundle of this kind.
    """
    path = _model(bundle, kind)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    found: Metrics = {
        "model": path.name,
        "bytes": path.stat().st_size,
        "onnxruntime": ort.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one thread used",
        "busy_cores_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }
    for batch in BATCHES:
        each = _timed(session, batch, rounds) / batch
        found[f"batch_{batch}"] = {
            "us_per_frame_median": float(np.median(each)),
            "us_per_frame_p95": float(np.quantile(each, 0.95)),
        }
    return found


def cost_text(found: Found) -> list[str]:
    """The report's section."""
    columns = {"us_per_frame_median": "us per character-frame, median", "us_per_frame_p95": "95 %"}
    return [
        "## Frame cost",
        f"`{found['model']}` on ONNX Runtime {found['onnxruntime']}, {found['machine']}, busy with "
        f"{cell(found['busy_cores_before'])} other jobs.",
        grid({str(batch): found[f"batch_{batch}"] for batch in BATCHES}, columns, corner="batch"),
    ]


def _timed(session: ort.InferenceSession, batch: int, rounds: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    feed = {
        value.name: rng.uniform(0, 1, (batch, *value.shape[1:])).astype(np.float32)
        for value in session.get_inputs()
    }
    times = []
    for _ in range(rounds + 10):
        start = time.perf_counter()
        session.run(None, feed)
        times.append((time.perf_counter() - start) * 1e6)
    return np.array(times[10:])


def _model(bundle: Path, kind: str) -> Path:
    manifest, model = bundle / "manifest.json", f"{kind}.onnx"
    if not manifest.exists():
        raise SystemExit(
            f"{bundle}: expected a bundle with manifest.json, found none; "
            f"make one with `python -m export.{kind}`."
        )
    if model not in json.loads(manifest.read_text())["files"]:
        raise SystemExit(f"{bundle}: expected {model}, found none; give a {kind} bundle.")
    return bundle / model
