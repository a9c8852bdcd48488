"""Draws the pictures of docs/architecture.md.

    python docs/site/drawings.py            write
    python docs/site/drawings.py --check    fail if a picture differs

The house is drawn from the contract of its floors in pyproject.toml and from what each room says
of itself; the way of a turn is written down here.
"""

import argparse
import ast
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RUNTIME = ROOT / "idol_runtime"

INK, PAPER, PALE, LINE = "#20242c", "#ffffff", "#eef2fb", "#6b7894"
WARM, GREEN, DASHED = "#fdf1e3", "#e9f6ec", 'stroke-dasharray="5 4"'
FONT = "font-family=\"system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif\""
MONO = 'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"'


def main() -> int:
    parser = argparse.ArgumentParser(description="Draw the pictures of the documentation.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    check = parser.parse_args().check
    pictures = {DOCS / "house.svg": house(), DOCS / "turn.svg": turn()}
    stale = [
        path
        for path, picture in pictures.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != picture
    ]
    for path in stale:
        if check:
            print(
                f"docs/{path.name} is stale; run `python docs/site/drawings.py`.", file=sys.stderr
            )
        else:
            path.write_text(pictures[path], encoding="utf-8")
    return 1 if check and stale else 0


def floors() -> list[list[str]]:
    """The rooms of the runtime from the roof down; those in brackets are still to be built."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [contract] = [
        each
        for each in settings["tool"]["importlinter"]["contracts"]
        if each["type"] == "layers" and each["containers"] == [RUNTIME.name]
    ]
    lines = [[room.strip() for room in layer.split("|")] for layer in contract["layers"]]
    return [line for line in lines if line != ["__main__"]]


def purpose(room: str) -> str:
    """The first sentence a room says of itself."""
    file = RUNTIME / room / "__init__.py"
    file = file if file.is_file() else RUNTIME / f"{room}.py"
    if not file.is_file():
        return "to come"
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).split(". ")[0].rstrip(".").replace("`", "")


def house() -> str:
    """Rooms by floors: a room imports what stands below it, never beside it and never above."""
    width, left, gap, inner = 1160, 28, 10, 836
    parts: list[str] = []
    y = top = 112.0
    for line in floors():
        wide = (inner - gap * (len(line) - 1)) / len(line)
        most = max(len(_wrapped(purpose(room.strip("()")), wide)) for room in line)
        high = 38 + 16 * most
        for place, room in enumerate(line):
            x, built = left + place * (wide + gap), not room.startswith("(")
            name = room.strip("()")
            fill = PAPER if built else PALE
            parts += _box(x, y, wide, high, name, purpose(name), fill=fill, dashed=not built)
        y += high + gap
    runtime = _rect(16, top - 34, inner + 24, y - top + 36, PALE)
    bottom = y + 30
    x, wide = left + inner + 56, width - left - inner - 72
    middle, centre, share = left + inner + 12, x + wide / 2, (y - top + 36) / 3
    parts += _box(x, top - 34, wide, 64, "tests", "mirror and import all of it", fill=PAPER)
    parts += _box(
        x, top + 60, wide, share, "export",
        "Checkpoint to bundle: ONNX, manifest, and parity through the runtime's own session; the "
        "avatar's maker", fill=WARM,
    )  # fmt: skip
    parts += _box(
        x, top + 100 + share, wide, share, "training",
        "Captures, models, losses, trainers and evaluation, in PyTorch; hands over checkpoints and "
        "imports nothing of the runtime", fill=WARM,
    )  # fmt: skip
    parts += _box(
        16, bottom, width - 32, 60, "idol_protocol",
        "The wire: events, frames, codec, channel names; and what training and runtime share",
        fill=GREEN,
    )  # fmt: skip
    parts += [
        _path([(x, top + 60 + share / 2), (middle, top + 60 + share / 2)]),
        _path([(centre, top + 60 + share), (centre, top + 100 + share)]),
        _path([(centre, top + 100 + 2 * share), (centre, bottom)]),
        _path([(left + inner / 2, y + 2), (left + inner / 2, bottom)]),
    ]
    words = "A room imports rooms on floors below its own. Arrows are imports. Dashed: to be built."
    title = [_text(16, 30, "The house", size=20, bold=True), _text(16, 54, words, size=14)]
    name = _text(left, top - 11, "idol_runtime", size=16, bold=True)
    return _picture(width, bottom + 76, [*title, runtime, name, *parts])


def turn() -> str:
    """The way of a turn, with the types that travel, by process and thread."""
    width, height = 1160, 960
    lanes = [
        (16, 190, "client", "engine, page, OpenAI client", PAPER),
        (222, 520, "server process, event loop", "all that waits, nothing that computes", PALE),
        (758, 386, "what computes", "niced processes and a thread, never the loop", WARM),
    ]
    parts = [_text(16, 30, "One turn, and the types that travel", size=20, bold=True)]
    for x, wide, name, what, fill in lanes:
        parts.append(_rect(x, 50, wide, height - 66, fill))
        parts += [_text(x + 12, 74, name, size=15, bold=True), _text(x + 12, 93, what, size=12)]
    loop, wide = 242, 420
    steps = [
        (112, "server.session", "reads the wire, holds a CharacterHandle"),
        (196, "conversation.Conversation", "owns what was said; text-in hooks; one Turn a reply"),
        (280, "conversation.prompt", "persona, examples, history that fits; prompt hooks"),
        (364, "conversation.reply_reader", "takes gesture tags out, cuts clauses; text-out hooks"),
        (448, "conversation.turn", "has a clause spoken while the next is written"),
        (532, "stage.Performer.speak", "puts sound on the track, waits while it is full"),
        (630, "stage.Stage.tick", "30 times a second: what is each character told?"),
        (740, "stage.Performer.show", "stamps media time; sound at most 300 ms ahead"),
        (830, "server.outbox · outputs", "sound and control in order, newest frames win"),
    ]
    for y, name, what in steps:
        parts += _step(loop, y, wide, name, what)
    x, other, right, middle = 858, 270, loop + wide, loop + 60
    parts += _step(x, 280, other, "dialogue worker", "a process: prompt to tokens")
    parts += _step(x, 448, other, "voice worker", "a process: clause to PCM")
    parts += _step(x, 630, other, "stage thread", "one batched run for each model")
    for y0, y1, types in [
        (164, 196, "MessageItem, ReplyOptions"),
        (248, 280, "TurnRequest"),
        (416, 448, "Line: text and gestures"),
        (500, 532, "SpeechChunk, Utterance"),
        (584, 630, "its track: samples, phonemes, gestures"),
        (792, 830, "AudioChunk, FaceFrame, PoseFrame, Cue"),
    ]:
        parts.append(_path([(middle, y0), (middle, y1)]))
        parts.append(_type(middle + 10, (y0 + y1) / 2 + 4, types))
    for y, types in [(296, "DialogueRequest"), (464, "SpeechRequest"), (650, "Conditions")]:
        parts += [_path([(right, y), (x, y)]), _type(right + 10, y - 7, types)]
    parts.append(_path([(x, 320), (right + 40, 320), (right + 40, 390), (right, 390)]))
    parts.append(_type(right + 50, 342, "TextDelta,"))
    parts.append(_type(right + 50, 358, "GenerationDone"))
    parts += [_path([(x, 488), (right, 488)]), _type(right + 50, 506, "SpeechChunk")]
    parts.append(_path([(x + other / 2, 682), (x + other / 2, 766), (right, 766)]))
    parts.append(_type(right + 50, 786, "faces, rotations, hips: a row each"))
    parts += _step(28, 112, 166, "asks", "in words")
    parts += [_path([(194, 138), (loop, 138)]), _type(28, 184, "conversation.item")]
    parts += [_type(28, 200, "  .create"), _type(28, 218, "response.create")]
    parts += _step(28, 830, 166, "plays", "frames at sound's time")
    parts += [_path([(loop, 856), (194, 856)]), _type(28, 780, "response.*, idol.*")]
    parts += [_type(28, 798, "binary media"), _type(28, 816, "  of idol.v1")]
    return _picture(width, height, parts)


def _step(x: float, y: float, wide: float, name: str, what: str) -> list[str]:
    return [
        _rect(x, y, wide, 52, PAPER),
        _text(x + 12, y + 22, name, size=14, bold=True, mono=True),
        _text(x + 12, y + 41, what, size=13),
    ]


def _box(
    x: float, y: float, wide: float, high: float, name: str, what: str, *, fill: str,
    dashed: bool = False,
) -> Iterator[str]:  # fmt: skip
    yield _rect(x, y, wide, high, fill, dashed=dashed)
    yield _text(x + 12, y + 24, name, size=16, bold=True)
    for number, line in enumerate(_wrapped(what, wide)):
        yield _text(x + 12, y + 43 + 16 * number, line, size=12.5)


def _wrapped(text: str, wide: float) -> list[str]:
    return textwrap.wrap(text, int((wide - 20) / 6.6))


def _rect(x: float, y: float, wide: float, high: float, fill: str, *, dashed: bool = False) -> str:
    dash = f" {DASHED}" if dashed else ""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" rx="8" fill="{fill}" '
        f'stroke="{LINE}"{dash}/>'
    )


def _text(
    x: float, y: float, text: str, *, size: float, bold: bool = False, mono: bool = False
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}"{weight} fill="{INK}" '
        f"{MONO if mono else FONT}>{escape(text)}</text>"
    )


def _type(x: float, y: float, name: str) -> str:
    return _text(x, y, name, size=12, mono=True)


def _path(points: list[tuple[float, float]]) -> str:
    way = " ".join(f"{x:g},{y:g}" for x, y in points)
    return (
        f'<polyline points="{way}" fill="none" stroke="{LINE}" stroke-width="1.6" '
        'marker-end="url(#tip)"/>'
    )


def _picture(width: float, height: float, parts: list[str]) -> str:
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}">\n'
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto">'
        f'<path d="M0 0L10 5L0 10z" fill="{LINE}"/></marker></defs>\n'
        f'<rect width="{width:g}" height="{height:g}" fill="{PAPER}"/>\n{inside}\n</svg>\n'
    )


if __name__ == "__main__":
    sys.exit(main())
