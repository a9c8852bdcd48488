"""Pictures of faces from blendshape weights, for runs and reports: no GPU, no window.

python -m training.face.render --head avatar.vrm --out faces.png captured=a.csv generated=b.csv
"""

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from idol_protocol.channels import ARKIT_BLENDSHAPES, FACE_CHANNELS
from training.face.camera import FaceCamera, Part
from training.face.head import Head

Floats = NDArray[np.float32]

WEIGHTS: Final = len(ARKIT_BLENDSHAPES)
DRAWN: Final = {"jaw": "jawOpen", "blink": "eyeBlinkLeft", "brow": "browInnerUp"}
"""Curves under a strip."""


def side_by_side(
    head: Head,
    motions: Mapping[str, NDArray[Any]],
    times_s: Sequence[float],
    path: Path,
    *,
    fps: float,
    size: int = 200,
    part: Part = "face",
) -> Path:
    """A grid of faces: one row a motion, one column a time.

    Args:
        head: whose face.
        motions: label -> [frames, 52] weights or [frames, 59] in `FACE_CHANNELS` order.
        times_s: moments to show; frame i lies at i / fps, the last frame stays.
        path: where the PNG goes.
        fps: of all motions.
        size: of a face, in pixels.
        part: the whole face or the mouth alone.
    """
    camera = FaceCamera(head, size=size, part=part)
    rows = {label: _checked(label, motion) for label, motion in motions.items()}
    figure, grid = _grid(len(rows), len(times_s), size)
    for line, (label, motion) in zip(grid, rows.items(), strict=True):
        for axes, time_s in zip(line, times_s, strict=True):
            frame = min(round(time_s * fps), len(motion) - 1)
            axes.imshow(_face(camera, motion[frame]), interpolation="nearest")
        line[0].set_ylabel(label, fontsize=11)
    for axes, time_s in zip(grid[0], times_s, strict=True):
        axes.set_title(f"{time_s:.2f} s", fontsize=10)
    figure.savefig(path, dpi=100)
    return path


def strip(
    head: Head,
    motion: NDArray[Any],
    path: Path,
    *,
    fps: float,
    count: int = 10,
    size: int = 160,
    part: Part = "face",
) -> Path:
    """A row of `count` faces evenly over a motion, each above its moment of the curves beneath.

    Args:
        head: whose face.
        motion: [frames, 52] weights or [frames, 59] in `FACE_CHANNELS` order.
        path: where the PNG goes.
        fps: of the motion.
        count: faces.
        size: of a face, in pixels.
        part: the whole face or the mouth alone.
    """
    camera, motion = FaceCamera(head, size=size, part=part), _checked("motion", motion)
    length_s, width = len(motion) / fps, count * size / 100
    chosen = ((np.arange(count) + 0.5) / count * len(motion)).astype(int)
    figure = Figure(figsize=(width + 0.7, 2 * size / 100 + 0.6), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    row = np.concatenate([_face(camera, motion[frame]) for frame in chosen], axis=1)
    top.imshow(row, extent=(0, length_s, 0, 1), aspect="auto")
    top.set_axis_off()
    times = np.arange(len(motion)) / fps
    for label, channel in DRAWN.items():
        bottom.plot(times, motion[:, ARKIT_BLENDSHAPES.index(channel)], label=label, linewidth=1.2)
    for frame in chosen:
        bottom.axvline(frame / fps, color="grey", alpha=0.3, linewidth=0.8)
    bottom.set(xlim=(0, length_s), ylim=(-0.02, 1.02), xlabel="s", ylabel="weight")
    bottom.legend(loc="upper right", ncols=len(DRAWN), fontsize=8)
    figure.savefig(path, dpi=100)
    return path


def read_face_csv(path: Path) -> tuple[Floats, float]:
    """A `face.csv` as [frames, 59] and its frames a second; missing columns are 0.

    Raises:
        SystemExit: the file is missing or holds no face.
    """
    try:
        with path.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
    except FileNotFoundError:
        raise SystemExit(f"{path}: expected a CSV of a face, found no file.") from None
    columns = set(rows[0]) if rows else set()
    if len(rows) < 2 or "time_s" not in columns or not columns & set(FACE_CHANNELS):
        raise SystemExit(
            f"{path}: expected a column time_s, columns of face channels and two rows or more, "
            f"found {len(rows)} rows of {', '.join(sorted(columns)[:6]) or 'nothing'}."
        )
    try:
        face = [[float(row.get(name) or 0) for name in FACE_CHANNELS] for row in rows]
        length_s = float(rows[-1]["time_s"]) - float(rows[0]["time_s"])
    except (TypeError, ValueError) as error:
        raise SystemExit(f"{path}: expected numbers, but {error}.") from None
    return np.array(face, np.float32), (len(rows) - 1) / max(length_s, 1e-6)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draws faces from face.csv files.")
    parser.add_argument("motions", nargs="+", metavar="LABEL=FACE.csv")
    parser.add_argument("--head", type=Path, required=True, help="a VRM or GLB with ARKit morphs")
    parser.add_argument("--out", type=Path, required=True, help="a PNG")
    parser.add_argument("--times", type=float, nargs="+", help="seconds; evenly when absent")
    parser.add_argument("--count", type=int, default=8, help="how many times, when they are absent")
    parser.add_argument("--part", choices=get_args(Part), default="face", help="what is shown")
    args = parser.parse_args(arguments)
    head = Head.open(args.head)
    faces = {}
    for item in args.motions:
        label, equals, name = item.partition("=")
        if not equals:
            raise SystemExit(f"{item}: expected LABEL=FACE.csv, found no '='.")
        faces[label] = read_face_csv(Path(name))
    rate = max(fps for _, fps in faces.values())
    motions = {label: _at_rate(face, fps, rate) for label, (face, fps) in faces.items()}
    if len(motions) == 1 and args.times is None:
        strip(
            head, next(iter(motions.values())), args.out, fps=rate, count=args.count, part=args.part
        )
    else:
        shortest_s = min(len(motion) for motion in motions.values()) / rate
        times = args.times or list(np.linspace(0, shortest_s, args.count, endpoint=False))
        side_by_side(head, motions, times, args.out, fps=rate, part=args.part)
    print(f"wrote {args.out}")


def _at_rate(face: Floats, fps: float, rate: float) -> Floats:
    frames = np.arange(0, len(face) / fps, 1 / rate) * fps
    return face[np.minimum(frames.round().astype(int), len(face) - 1)]


def _checked(label: str, motion: NDArray[Any]) -> Floats:
    motion = np.asarray(motion, np.float32)
    wanted = (WEIGHTS, len(FACE_CHANNELS))
    if motion.ndim != 2 or motion.shape[1] not in wanted or not len(motion):
        raise ValueError(
            f"{label}: expected [frames, {wanted[0]}] weights or [frames, {wanted[1]}] face "
            f"channels, found {list(motion.shape)}."
        )
    return motion


def _face(camera: FaceCamera, frame: Floats) -> Floats:
    angles = frame[WEIGHTS : WEIGHTS + 3] if len(frame) > WEIGHTS else np.zeros(3)
    return camera.render(frame[:WEIGHTS], [float(angle) for angle in angles])


def _grid(rows: int, columns: int, size: int) -> tuple[Figure, NDArray[Any]]:
    inches = size / 100
    layout = ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    figure = Figure(figsize=(columns * inches + 0.4, rows * inches + 0.3), layout=layout)
    grid: NDArray[Any] = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(False)
    return figure, grid


if __name__ == "__main__":
    main()
