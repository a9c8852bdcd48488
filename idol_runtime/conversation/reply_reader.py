"""What a reply does, taken out of what it says, however its deltas are cut.

Cues are tags: `[very happy]`, `[wave]`, `[look left]`, `[dance]`, `[give_item {"item": "sword"}]`.
Models that never learned them write `*waves*` or `[face:joy]`, which are read as well; other stage
directions (`*smiles*`, `(laughs)`) are taken out, and words that are only stressed lose their
marks: what comes out is what is shown, spoken and remembered as heard. `[sic]`, `[1]`, links, lists
and sums stay.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from idol_runtime.character import fits
from idol_runtime.conversation.gesture_words import gestures_in
from idol_runtime.conversation.items import new_id
from idol_runtime.conversation.stage_directions import (
    begins_direction,
    begins_tag,
    is_alone,
    is_bracketed_direction,
    is_direction,
    read_tag,
)
from idol_runtime.dialogue.cues import AllowedCues
from idol_runtime.speech.clauses import ClauseSplitter
from idol_runtime.stage.utterance import Line
from idol_runtime.timeline import Call, Doing, Emote, Gaze, Gesture, PlacedCue, ReplyCue

MAX_TAG = 48
"""Characters of a tag with its brackets; a bracket that is open for longer is text."""
MAX_DIRECTION = 240
"""Characters of a stage direction with its marks; a mark that is open for longer is none."""
MAX_STARS = 3
MAX_CALL = 2_000
"""Characters of an action with its arguments and brackets; one that is open for longer is lost."""

_LOOK_AHEAD = 8
"""Characters of white space after a closing mark behind which the next word is still looked for."""
_REMEMBERED = 48
"""Characters of the text so far that a reading may depend on."""
_MARK = re.compile(r"[\[(*_]")
_BRACKETED = {
    "[": re.compile(r"\[([ \ta-z_:=,'’-]*)\]", re.IGNORECASE),
    "(": re.compile(r"\(([ \ta-z,'’-]*)\)", re.IGNORECASE),
}
_OPEN_BRACKET = {
    "[": re.compile(r"\[[ \ta-z_:=,'’-]*", re.IGNORECASE),
    "(": re.compile(r"\([ \ta-z,'’-]*", re.IGNORECASE),
}
_CALL = re.compile(r"\[[a-zA-Z_][\w-]{0,63} \{")
_OPEN_CALL = re.compile(r"\[(?:[a-zA-Z_][\w-]{0,63} ?)?")
_MARKED = {
    "*": re.compile(r"(?P<open>\*{1,3})(?P<words>[^\s*][^*\n]*)(?P<close>\*+)"),
    "_": re.compile(r"(?P<open>_)(?P<words>[^\W_][^_\n]*)(?P<close>_)"),
}
_OPEN_MARK = {
    "*": re.compile(r"\*{1,3}(?:[^\s*][^*\n]*\**)?"),
    "_": re.compile(r"_(?:[^\W_][^_\n]*_?)?"),
}
_FIRST_WORDS = re.compile(r"[a-z][a-z'’-]*(?: [a-z][a-z'’-]*)*(?![\w'’-])")
_ENDS_OF_NOTHING = (",", ";", ".")
_OPENING = "\"'“‘([*"
_CLOSING = ".,;:!?…)]}\"'”’。、！？，"


Piece: TypeAlias = str | ReplyCue


@dataclass(frozen=True, slots=True)
class _Direction:
    """So much of what is held is done, not said."""

    length: int
    cues: tuple[ReplyCue, ...] = ()


@dataclass(frozen=True, slots=True)
class _Text:
    """So much of what is held is text, and said."""

    length: int


@dataclass(frozen=True, slots=True)
class _Unmarked:
    """What is held reads on as `words`, then what comes after `length`: marks were dropped."""

    length: int
    words: str = ""


_Reading: TypeAlias = _Direction | _Text | _Unmarked


class ReplyReader:
    """Deltas of a reply in, its text and its cues out, however the deltas are cut.

    Text without marks comes out as it was. What has a mark comes out at most `MAX_DIRECTION`
    characters late, what looks like an action `MAX_CALL`. A tag takes the space on one of its sides
    with it; one that the reply ends in the middle of is lost.
    """

    def __init__(
        self,
        allowed: AllowedCues = AllowedCues(),  # noqa: B008 - frozen
        new_call_id: Callable[[], str] = lambda: new_id("call"),
    ) -> None:
        """At the beginning of a reply.

        Args:
            allowed: The cues that come out; tags of others are taken out and lost, and so is an
                action with arguments that do not fit.
            new_call_id: Names each action that is called.
        """
        self._allowed = allowed
        self._new_call_id = new_call_id
        self._held = ""
        """What may yet become a tag."""
        self._space = ""
        """White space that has not come out: a tag may follow it."""
        self._space_after: str | None = None
        """White space since a tag; None where none came since the last text."""
        self._said = ""
        """The end of what came out, white space at its end apart."""

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
            read = self._bracket if self._held[0] in _BRACKETED else self._mark
            match read(self._held[0], is_end=is_end):
                case None:
                    break
                case _Direction(length, cues):
                    self._held = self._held[length:]
                    self._space_after = self._space_after or ""
                    pieces += [cue for cue in cues if self._may(cue)]
                case _Unmarked(length, words):
                    self._held = words + self._held[length:]
                case _Text(length):
                    self._text(pieces, length)
        return pieces

    def _bracket(self, mark: str, *, is_end: bool) -> _Reading | None:
        """What begins with a bracket; None: not yet known."""
        if mark == "[" and _CALL.match(self._held):
            return self._call(is_end=is_end)
        window = self._held[:MAX_TAG]
        match = _BRACKETED[mark].match(window)
        if match is None:
            is_open = len(window) < MAX_TAG and (
                _OPEN_BRACKET[mark].fullmatch(window)
                or (mark == "[" and _OPEN_CALL.fullmatch(window))
            )
            if is_open and is_end and mark == "[" and begins_tag(window[1:]):
                return _Direction(len(window))
            return None if is_open and not is_end else _Text(1)
        following = self._held[match.end() : match.end() + 1]
        if mark == "[" and not following and not is_end:
            return None
        is_link = mark == "[" and following == "("
        if is_link or (mark == "(" and self._is_inner):  # or word(s)
            return _Text(match.end())
        cues = read_tag(match[1]) if mark == "[" else None
        if cues is not None:
            return _Direction(match.end(), tuple(cues))
        if is_bracketed_direction(match[1], self._before, is_square=mark == "["):
            return _Direction(match.end(), _gestures(match[1]))
        return _Text(match.end())

    def _call(self, *, is_end: bool) -> _Reading | None:
        """What begins as an action does; None: not yet known."""
        window = self._held[:MAX_CALL]
        name, space, rest = window[1:].partition(" ")
        end = end_of_object(rest)
        if end is None:
            return _Direction(len(window)) if is_end or len(window) == MAX_CALL else None
        after = 1 + len(name) + len(space) + end
        if len(self._held) == after and not is_end:
            return None
        whole = after + self._held.startswith("]", after)
        arguments = self._arguments(name, rest[:end])
        if arguments is None:
            return _Direction(whole)
        return _Direction(whole, (Call(name, arguments, self._new_call_id()),))

    def _arguments(self, name: str, written: str) -> str | None:
        """The arguments of an action that may be called, or None."""
        action = next((each for each in self._allowed.actions if each.name == name), None)
        try:
            arguments = json.loads(written)
        except (ValueError, RecursionError):
            return None
        return written if action is not None and fits(action.parameters, arguments) else None

    def _may(self, cue: ReplyCue) -> bool:
        match cue:
            case Gesture(name=name):
                return name in self._allowed.gestures
            case Emote(name=name):
                return name in self._allowed.emotions
            case Gaze(towards=towards):
                return towards in self._allowed.gazes
            case Doing(activity=activity):
                return activity in self._allowed.activities
        return True

    def _mark(self, mark: str, *, is_end: bool) -> _Reading | None:
        """What begins with an asterisk or underscore; None: not yet known."""
        run = len(self._held) - len(self._held.lstrip(mark))
        if self._is_attached and self._said[-1] == mark:  # of a long run
            return _Text(run)
        if run == len(self._held) and run <= MAX_STARS and not is_end:
            return None
        if run > (MAX_STARS if mark == "*" else 1):
            return _Text(run)
        if self._is_inner or (mark == "_" and self._is_attached and self._said[-1] not in _OPENING):
            return self._stray(mark, run)
        window = self._held[:MAX_DIRECTION]
        is_open = _OPEN_MARK[mark].fullmatch(window) and len(window) < MAX_DIRECTION
        if is_open and not is_end:
            return None
        match = _MARKED[mark].match(window)
        if match is None or not any(map(str.isalpha, match["words"])):
            return self._unclosed(mark, run)
        closing = min(run, len(match["close"]))
        end = match.end("words") + closing
        ahead = self._held[end : end + _LOOK_AHEAD]
        is_short = not ahead.strip(" \t") and len(ahead) < _LOOK_AHEAD
        if (is_short or ahead in _ENDS_OF_NOTHING) and not is_end:
            return None
        if not self._closes(mark, match["words"], ahead):
            return self._unclosed(mark, run)
        after = ahead.lstrip(" \t")[:1].strip()
        words = match["words"]
        if is_direction(words, self._before, after, is_strong=run == 2):
            # `*sighs*, well` and `*waves*.`: nothing that was said ends there.
            ends_nothing = ahead[:1] in _ENDS_OF_NOTHING and ahead[1:2] != ahead[:1]
            end += ends_nothing and is_alone(self._before)
            return _Direction(end, _gestures(words))
        return _Unmarked(end, words)

    def _unclosed(self, mark: str, run: int) -> _Reading:
        """A mark that no other closes."""
        words = _FIRST_WORDS.match(self._held[:MAX_DIRECTION], run)
        if words and begins_direction(words[0], self._before):
            return _Direction(words.end(), _gestures(words[0]))
        if mark == "*" and self._held[run : run + 1].isalpha():
            return _Unmarked(run)
        return self._stray(mark, run)

    def _stray(self, mark: str, run: int) -> _Reading:
        """A mark that opens nothing: dropped where it could only have closed something."""
        closes_word = self._is_attached and not self._said[-1].isdigit()
        is_last = not self._held[run : run + 1].strip()
        return _Unmarked(run) if mark == "*" and closes_word and is_last else _Text(run)

    @staticmethod
    def _closes(mark: str, words: str, ahead: str) -> bool:
        following = ahead[:1]
        if mark == "_":
            return not words[-1].isspace() and not (following.isalnum() or following == "_")
        return not words[-1].isspace() or not following or not following.isalnum()

    @property
    def _is_attached(self) -> bool:
        """Whether nothing stands between what was said and what is held."""
        return bool(self._said) and not self._space and self._space_after is None

    @property
    def _is_inner(self) -> bool:
        """Whether what is held goes on in a word of a script that has spaces between words."""
        last = self._said[-1:]
        return self._is_attached and (last.isdigit() or last.lower() != last.upper())

    @property
    def _before(self) -> str:
        """What was said on this line."""
        return "" if "\n" in self._space + (self._space_after or "") else self._said

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
            self._said = (self._said + text[: len(text) - len(self._space)])[-_REMEMBERED:]
            if pieces and isinstance(pieces[-1], str):
                pieces[-1] += body
            else:
                pieces.append(body)

    def _joint(self, following: str) -> str:
        """The space where a tag was."""
        after = self._space_after or ""
        if not self._said or (following in _CLOSING and self._said[-1] not in "*_"):
            return ""  # behind a lone mark the space stays, or the two would be read as one
        return after if "\n" in after or not self._space else self._space


class Lines:
    """Pieces of a reply in, whole clauses with their cues out."""

    def __init__(self) -> None:
        self._splitter = ClauseSplitter()
        self._text = ""
        """What was put in and is in no clause yet."""
        self._cues: list[PlacedCue] = []
        """Of no clause yet; their offsets are in `_text`."""

    def push(self, piece: Piece) -> list[Line]:
        if not isinstance(piece, str):
            self._cues.append(PlacedCue(piece, len(self._text)))
            return []
        self._text += piece
        return [self._line(clause) for clause in self._splitter.push(piece)]

    def flush(self) -> list[Line]:
        """The reply has ended; cues after its last word belong to its last clause."""
        clauses = self._splitter.flush()
        lines = [self._line(clause) for clause in clauses[:-1]]
        last = clauses[-1] if clauses else ""
        if last or self._cues:
            lines.append(self._line(last, is_last=True))
        return lines

    def _line(self, clause: str, *, is_last: bool = False) -> Line:
        start = self._text.index(clause)
        end = start + len(clause)
        mine = [each for each in self._cues if is_last or each.offset < end]
        rest = self._cues[len(mine) :]
        self._text = self._text[end:]
        self._cues = [PlacedCue(each.cue, each.offset - end) for each in rest]
        placed = (
            PlacedCue(each.cue, min(max(each.offset - start, 0), len(clause))) for each in mine
        )
        return Line(clause, tuple(placed))


def read_tags(text: str) -> tuple[str, tuple[PlacedCue, ...]]:
    """A whole text without its tags, and its cues at their places; actions are lost."""
    reader = ReplyReader()
    shown, cues = "", []
    for piece in [*reader.push(text), *reader.flush()]:
        if isinstance(piece, str):
            shown += piece
        else:
            cues.append(PlacedCue(piece, len(shown)))
    return shown, tuple(cues)


def end_of_object(text: str) -> int | None:
    """Where the JSON object ends that a text begins with; None where it does not end in it."""
    depth, is_quoted, at = 0, False, 0
    while at < len(text):
        letter = text[at]
        if is_quoted:
            at += letter == "\\"
            is_quoted = letter != '"'
        elif letter == '"':
            is_quoted = True
        elif letter in "{[":
            depth += 1
        elif letter in "}]":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return None


def _gestures(direction: str) -> tuple[Gesture, ...]:
    return tuple(map(Gesture, gestures_in(direction)))
