"""Gestures that a reply asks for, by `[wave]` or by `*waves*`, taken out of its text.

Only what names a gesture is taken: `[sic]`, `[1]`, links, `*very*` and `*smiles*` stay text.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from idol_protocol.channels import GESTURES
from idol_runtime.conversation.gesture_words import gesture_named, gestures_in, is_plain
from idol_runtime.speech.clauses import ClauseSplitter
from idol_runtime.stage.utterance import Line
from idol_runtime.timeline import PlacedGesture

MAX_TAG = 24
"""Characters of a tag with its brackets; a bracket that is open for longer is text."""
MAX_DIRECTION = 100
"""Characters of a stage direction with its asterisks."""

_MARK = re.compile(r"[\[*]")
_TAG = re.compile(r"\[[ \t]*(?:gesture[ \t]*:[ \t]*)?([a-z]+)[ \t]*\]", re.IGNORECASE)
_OPEN_TAG = re.compile(r"\[[ \ta-z:]*", re.IGNORECASE)
_DIRECTION = re.compile(r"\*(?P<words>[^\s*](?:[^*\n]*[^\s*])?)\*(?!\*)")
_OPEN_DIRECTION = re.compile(r"\*(?:[^\s*][^*\n]*\*?)?")
_CLOSING = ".,;:!?…)]}\"'”’。、！？，"


@dataclass(frozen=True, slots=True)
class Gesture:
    """A gesture at the place in a reply where it stands."""

    name: str
    """One of `GESTURES`."""


Piece: TypeAlias = str | Gesture


class GestureReader:
    """Deltas of a reply in, its text and its gestures out, however the deltas are cut.

    Text without tags comes out as it was, and at most `MAX_DIRECTION` characters late. A tag takes
    the space on one of its sides with it.
    """

    def __init__(self, allowed: Collection[str] = GESTURES) -> None:
        """At the beginning of a reply.

        Args:
            allowed: The gestures that come out; tags of others are taken out and lost.
        """
        self._allowed = allowed
        self._held = ""
        """What may yet become a tag."""
        self._space = ""
        """White space that has not come out: a tag may follow it."""
        self._space_after: str | None = None
        """White space since a tag; None where none came since the last text."""
        self._last = ""
        """The last character that came out, white space apart."""

    def push(self, delta: str) -> list[Piece]:
        """What is certain by now."""
        self._held += delta
        return self._read(is_end=False)

    def flush(self) -> list[Piece]:
        """What is left; the reply has ended, and the reader with it."""
        pieces = self._read(is_end=True)
        if self._space and self._space_after is None:
            pieces.append(self._space)
        return pieces

    def _read(self, *, is_end: bool) -> list[Piece]:
        pieces: list[Piece] = []
        while self._held:
            mark = _MARK.search(self._held)
            if mark is None or mark.start():
                self._text(pieces, mark.start() if mark else len(self._held))
                continue
            read = self._tag if self._held[0] == "[" else self._direction
            found = read(is_end=is_end)
            if found is None:
                break
            gestures, length = found
            if gestures:
                self._held = self._held[length:]
                self._space_after = self._space_after or ""
                pieces += [Gesture(name) for name in gestures if name in self._allowed]
            else:
                self._text(pieces, length)
        return pieces

    def _tag(self, *, is_end: bool) -> tuple[list[str], int] | None:
        """The gestures of what begins here, none for text, and its length; None: not yet known."""
        if match := _TAG.match(self._held[:MAX_TAG]):
            name = gesture_named(match[1])
            if name is None:
                return [], match.end()
            following = self._held[match.end() : match.end() + 1]
            if not following and not is_end:
                return None
            return ([], match.end()) if following == "(" else ([name], match.end())  # a link
        is_open = _OPEN_TAG.fullmatch(self._held) and len(self._held) < MAX_TAG
        return None if is_open and not is_end else ([], 1)

    def _direction(self, *, is_end: bool) -> tuple[list[str], int] | None:
        is_inner = self._last.isalnum() and not self._space and self._space_after is None
        if is_inner or (self._last == "*" and not self._space):
            return [], 1
        match = _DIRECTION.match(self._held[:MAX_DIRECTION])
        is_open = _OPEN_DIRECTION.fullmatch(self._held) and len(self._held) < MAX_DIRECTION
        if is_open and not is_end:
            return None
        if match is None:
            return [], len(self._held) - len(self._held.lstrip("*"))
        words = match["words"]
        is_emphasis = is_plain(words) and (self._last.isalpha() or self._last == ",")
        return [] if is_emphasis else gestures_in(words), match.end()

    def _text(self, pieces: list[Piece], length: int) -> None:
        """Hands out what is held up to `length`, but for white space at its end."""
        text, self._held = self._held[:length], self._held[length:]
        if self._space_after is not None:
            body = text.lstrip()
            self._space_after += text[: len(text) - len(body)]
            if not body:
                return
            text, self._space = self._joint(body[0]) + body, ""
            self._space_after = None
        text = self._space + text
        body = text.rstrip()
        self._space = text[len(body) :]
        if body:
            self._last = body[-1]
            if pieces and isinstance(pieces[-1], str):
                pieces[-1] += body
            else:
                pieces.append(body)

    def _joint(self, following: str) -> str:
        """The space where a tag was."""
        after = self._space_after or ""
        if not self._last or following in _CLOSING:
            return ""
        return after if "\n" in after or not self._space else self._space


class Lines:
    """Pieces of a reply in, whole clauses with their gestures out."""

    def __init__(self) -> None:
        self._splitter = ClauseSplitter()
        self._text = ""
        """What was put in and is in no clause yet."""
        self._gestures: list[PlacedGesture] = []
        """Of no clause yet; their offsets are in `_text`."""

    def push(self, piece: Piece) -> list[Line]:
        if isinstance(piece, Gesture):
            self._gestures.append(PlacedGesture(piece.name, len(self._text)))
            return []
        self._text += piece
        return [self._line(clause) for clause in self._splitter.push(piece)]

    def flush(self) -> list[Line]:
        """The reply has ended; gestures after its last word belong to its last clause."""
        clauses = self._splitter.flush()
        lines = [self._line(clause) for clause in clauses[:-1]]
        last = clauses[-1] if clauses else ""
        if last or self._gestures:
            lines.append(self._line(last, is_last=True))
        return lines

    def _line(self, clause: str, *, is_last: bool = False) -> Line:
        start = self._text.index(clause)
        end = start + len(clause)
        mine = [each for each in self._gestures if is_last or each.offset < end]
        rest = self._gestures[len(mine) :]
        self._text = self._text[end:]
        self._gestures = [PlacedGesture(each.name, each.offset - end) for each in rest]
        placed = (
            PlacedGesture(each.name, min(max(each.offset - start, 0), len(clause))) for each in mine
        )
        return Line(clause, tuple(placed))


def read_gestures(text: str) -> tuple[str, tuple[PlacedGesture, ...]]:
    """A whole text without its tags, and its gestures at their places."""
    reader = GestureReader()
    shown, gestures = "", []
    for piece in [*reader.push(text), *reader.flush()]:
        if isinstance(piece, Gesture):
            gestures.append(PlacedGesture(piece.name, len(shown)))
        else:
            shown += piece
    return shown, tuple(gestures)
