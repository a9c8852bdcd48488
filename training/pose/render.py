"""Stick figures: strips, several bodies side by side, and small films of them.

    from training.pose.render import strip
    strip(joints, "wave.png", count=8, title="wave")

Joints are [T, 22, 3] in metres as `forward_kinematics` gives them, at 30 frames/s. The character's
left side is red, its right side blue; seen from the front its left is on the right of the picture.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from idol_protocol.channels import POSE_BONES
from idol_protocol.frames import FPS
from idol_protocol.skeleton import PARENTS

Array = NDArray[Any]

_LEFT, _RIGHT, _MIDDLE, _FLOOR = "#d1495b", "#30638e", "#1f2430", "#c9cdd6"
_SEGMENTS: Final = [(PARENTS[i], i) for i in range(1, len(POSE_BONES))]
_COLOURS: Final = [
    _LEFT if POSE_BONES[i].startswith("left") else
    _RIGHT if POSE_BONES[i].startswith("right") else _MIDDLE
    for _, i in _SEGMENTS
]  # fmt: skip
_HEAD: Final = POSE_BONES.index("head")
_NECK: Final = POSE_BONES.index("neck")
_SKULL_M: Final = 0.10
_HANDS: Final = tuple(
    (POSE_BONES.index(f"{side}LowerArm"), POSE_BONES.index(f"{side}Hand"), colour)
    for side, colour in (("left", _LEFT), ("right", _RIGHT))
)
_PALM_M: Final = 0.14
"""A hand is drawn on along the forearm: its own turn cannot be told from joints."""
_HALF_M: Final = 0.68
_HEIGHT_M: Final = (-0.12, 1.85)
_PANEL: Final = (240, 360)
"""Pixels for one body in a film."""
_PX_PER_M: Final = 165


class View(NamedTuple):
    """An orthographic camera at hip height."""

    name: str
    yaw_deg: float
    """0 looks at the face; positive walks round to the character's left."""
    pitch_deg: float
    """How far it looks down."""


FRONT: Final = View("front", 0.0, 0.0)
THREE_QUARTER: Final = View("three-quarter", 40.0, 12.0)


def strip(
    joints: Array,
    path: Path | str,
    *,
    count: int = 8,
    title: str = "",
    views: Sequence[View] = (FRONT, THREE_QUARTER),
) -> None:
    """Draws `count` frames, evenly from first to last, one row per view.

    Raises:
        ValueError: joints that are not [T, 22, 3].
    """
    joints = checked(joints)
    chosen = np.linspace(0, len(joints) - 1, count).round().astype(int)
    rows = {view.name: [(joints[at], f"{at / FPS:.1f} s") for at in chosen] for view in views}
    sheet(rows, {view.name: view for view in views}, title).savefig(path, dpi=100)


def side_by_side(
    bodies: Mapping[str, Array],
    path: Path | str,
    *,
    count: int = 8,
    title: str = "",
    view: View = THREE_QUARTER,
) -> None:
    """Draws the same `count` moments of several bodies, one row each."""
    rows = {}
    for name, joints in bodies.items():
        chosen = np.linspace(0, len(checked(joints)) - 1, count).round().astype(int)
        rows[name] = [(joints[at], f"{at / FPS:.1f} s") for at in chosen]
    sheet(rows, dict.fromkeys(bodies, view), title).savefig(path, dpi=100)


def sheet(
    rows: Mapping[str, Sequence[tuple[Array, str]]],
    views: Mapping[str, View],
    title: str = "",
    *,
    cell_inches: tuple[float, float] = (1.35, 2.25),
) -> Figure:
    """Bodies [22, 3] with what stands over each, row by row; every row has its view."""
    columns = max(len(row) for row in rows.values())
    width, height = cell_inches
    figure = Figure(
        figsize=(width * columns, height * len(rows) + 0.35 * bool(title)), layout="constrained"
    )
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for cells, (name, row) in zip(grid, rows.items(), strict=True):
        for axes in cells[len(row) :]:
            axes.set_axis_off()
        for axes, (joints, when) in zip(cells, row, strict=False):
            _stage(axes, joints, views[name])
            draw_body(axes, joints, views[name])
            axes.set_title(when, fontsize=7, pad=1)
        cells[0].set_ylabel(name, fontsize=8)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def film(
    bodies: Mapping[str, Array],
    path: Path | str,
    *,
    captions: Sequence[str] = (),
    fps: int = 15,
    view: View = THREE_QUARTER,
) -> None:
    """Films several bodies next to each other, as long as the shortest of them.

    Args:
        bodies: name -> [T, 22, 3].
        path: ends in `.mp4` (H.264, needs PyAV of the `ingest` extra) or in `.gif`.
        captions: what the whole picture says at each frame; may be left out.
        fps: frames/s of the film, a divisor of 30.
        view: where the camera stands.

    Raises:
        ValueError: another ending, or a rate that does not divide 30.
    """
    if FPS % fps:
        raise ValueError(f"Expected a frame rate that divides {FPS}, got {fps}.")
    pictures = _pictures(bodies, captions, FPS // fps, view)
    if str(path).endswith(".mp4"):
        _write_mp4(pictures, path, fps)
    elif str(path).endswith(".gif"):
        _write_gif(pictures, path, fps)
    else:
        raise ValueError(f"Expected a film's name to end in .mp4 or .gif, got {path}.")


def draw_body(axes: Axes, joints: Array, view: View = FRONT, *, faint: bool = False) -> None:
    """One body [22, 3] into axes that already have their limits."""
    flat = projected(joints, view)
    lines = [[flat[a], flat[b]] for a, b in _SEGMENTS]
    alpha = 0.3 if faint else 1.0
    axes.add_collection(
        LineCollection(lines, colors=_COLOURS, linewidths=2.2, capstyle="round", alpha=alpha)
    )
    up = joints[_HEAD] - joints[_NECK]
    skull = joints[_HEAD] + 0.09 * up / max(float(np.linalg.norm(up)), 1e-6)
    axes.add_patch(
        Circle(
            tuple(projected(skull, view)), _SKULL_M, fill=False, color=_MIDDLE, lw=1.6, alpha=alpha
        )
    )
    for wrist, tip, colour in _palms(joints):
        a, b = projected(wrist, view), projected(tip, view)
        axes.plot([a[0], b[0]], [a[1], b[1]], color=colour, lw=1.4, alpha=alpha)


def projected(points: Array, view: View) -> Array:
    """[..., 3] metres to [..., 2]: right and up in the picture."""
    yaw, pitch = np.deg2rad(view.yaw_deg), np.deg2rad(view.pitch_deg)
    x, y, z = np.moveaxis(np.asarray(points, np.float64), -1, 0)
    across = np.cos(yaw) * x - np.sin(yaw) * z
    towards = np.sin(yaw) * x + np.cos(yaw) * z
    return np.stack([across, np.cos(pitch) * y - np.sin(pitch) * towards], axis=-1)


def checked(joints: Array) -> Array:
    """The same array, when it is [T, 22, 3] with at least a frame.

    Raises:
        ValueError: it is not.
    """
    joints = np.asarray(joints)
    if joints.ndim != 3 or joints.shape[1:] != (len(POSE_BONES), 3) or not len(joints):
        raise ValueError(f"Expected joints [T, {len(POSE_BONES)}, 3], got {list(joints.shape)}.")
    return joints


def _stage(axes: Axes, joints: Array, view: View) -> None:
    """Limits that follow the hips sideways and a floor grid under them."""
    centre = np.array([joints[0, 0], 0.0, joints[0, 2]])
    middle = float(projected(centre, view)[0])
    axes.set_xlim(middle - _HALF_M, middle + _HALF_M)
    axes.set_ylim(*_HEIGHT_M)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    for ends in _floor_lines(centre):
        flat = projected(ends, view)
        axes.plot(flat[:, 0], flat[:, 1], color=_FLOOR, lw=0.6, zorder=0)


def _skull(joints: Array) -> Array:
    """The middle of the head."""
    up = joints[_HEAD] - joints[_NECK]
    middle: Array = joints[_HEAD] + 0.09 * up / max(float(np.linalg.norm(up)), 1e-6)
    return middle


def _palms(joints: Array) -> Iterator[tuple[Array, Array, str]]:
    """Wrist, finger tips and colour of each hand."""
    for elbow, wrist, colour in _HANDS:
        along = joints[wrist] - joints[elbow]
        tip = joints[wrist] + _PALM_M * along / max(float(np.linalg.norm(along)), 1e-6)
        yield joints[wrist], tip, colour


def _floor_lines(centre: Array) -> Iterator[Array]:
    """Ends [2, 3] of a square metre of grid."""
    for step in np.linspace(-0.5, 0.5, 5):
        yield centre + np.array([[step, 0.0, -0.5], [step, 0.0, 0.5]])
        yield centre + np.array([[-0.5, 0.0, step], [0.5, 0.0, step]])


def _pictures(
    bodies: Mapping[str, Array], captions: Sequence[str], step: int, view: View
) -> Iterator[Image.Image]:
    """Frames of even size, drawn twice as large and shrunk, which smooths their edges."""
    frames = min(len(checked(joints)) for joints in bodies.values())
    width, height = _PANEL[0] * len(bodies), _PANEL[1]
    font = ImageFont.load_default(22)
    for at in range(0, frames, step):
        picture = Image.new("RGB", (2 * width, 2 * height), "white")
        pen = ImageDraw.Draw(picture)
        caption = captions[at] if at < len(captions) else ""
        pen.text((16, 8), f"{at / FPS:5.1f} s   {caption}", _MIDDLE, font)
        for index, (name, joints) in enumerate(bodies.items()):
            pen.text((2 * _PANEL[0] * index + 16, 44), name, _MIDDLE, font)
            _pen_body(pen, joints[at], view, 2 * _PANEL[0] * (index + 0.5), 2 * (height - 24))
        yield picture.resize((width, height), Image.Resampling.LANCZOS)


def _pen_body(
    pen: ImageDraw.ImageDraw, joints: Array, view: View, across_px: float, floor_px: float
) -> None:
    """One body whose hips are over `across_px` and whose floor is at `floor_px`."""
    centre = np.array([joints[0, 0], 0.0, joints[0, 2]])
    middle = projected(centre, view)

    def at(points: Array) -> list[tuple[float, float]]:
        flat = (projected(points, view) - middle) * 2 * _PX_PER_M
        return [(across_px + x, floor_px - y) for x, y in flat.tolist()]

    for ends in _floor_lines(centre):
        pen.line(at(ends), _FLOOR, 2)
    for (parent, child), colour in zip(_SEGMENTS, _COLOURS, strict=True):
        pen.line(at(joints[[parent, child]]), colour, 9, joint="curve")
    for wrist, tip, colour in _palms(joints):
        pen.line(at(np.stack([wrist, tip])), colour, 6)
    ((x, y),) = at(_skull(joints)[None])
    pen.circle((x, y), _SKULL_M * 2 * _PX_PER_M, outline=_MIDDLE, width=6)


def _write_mp4(pictures: Iterator[Image.Image], path: Path | str, fps: int) -> None:
    import av

    with av.open(str(path), "w") as container:
        first = next(pictures)
        stream = container.add_stream("h264", rate=Fraction(fps), options={"crf": "26"})
        stream.pix_fmt = "yuv420p"
        stream.width, stream.height = first.size
        for picture in chain([first], pictures):
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())


def _write_gif(pictures: Iterator[Image.Image], path: Path | str, fps: int) -> None:
    first, *rest = [picture.quantize(64) for picture in pictures]
    first.save(path, save_all=True, append_images=rest, duration=round(1000 / fps), loop=0)
