"""What is written around the words of a reply, and not said: role names, quotes, markdown.

`A: "Hello!"` is said as `Hello!`. A sentence that begins with somebody else's name (`User: ...`) is
not the character's to say: its reply ends there.
"""

import re
from collections.abc import Collection
from typing import Final

_OWN: Final = ("a", "ai", "assistant", "bot", "character", "me", "reply", "answer", "response")
_OTHERS: Final = ("b", "q", "user", "human", "you", "system", "narrator", "player", "stranger")
_LEAD: Final = re.compile(r"[*_\"“”「」>#•\-\s`]*")
"""What may stand between two sentences, or before a role name."""
_BULLET: Final = re.compile(r"(?:#{1,6}|[->•])\s+")
_ENDS: Final = frozenset('\n.!?…。！？"”」]')
"""After these a sentence may begin, and with it a role name; a tag may stand before one."""
_OPENING: Final = {'"': '"', "“": "”", "「": "」"}


class PlainSpeech:
    """Deltas of a reply in, what is said of it out, however the deltas are cut.

    Where a sentence begins, what may become a role name is held back; everything else comes out
    at once.
    """

    def __init__(self, name: str, others: Collection[str] = ()) -> None:
        """At the beginning of a reply.

        Args:
            name: Of the character who speaks.
            others: Names of those who may be written in its place, such as the user's.
        """
        self._own = frozenset({*_OWN, name.casefold(), *name.casefold().split()[:1]})
        names = {*self._own, *_OTHERS, *(each.casefold() for each in others)} - {""}
        self._labels = sorted(names, key=len, reverse=True)
        self._held = ""
        self._is_inside = False
        """In the middle of a sentence."""
        self._is_begun = False
        self._begins_line = True
        self._closing = ""
        """The quotation mark that ends what the reply began with."""
        self.is_over = False
        """Somebody else speaks from here on."""

    def push(self, delta: str) -> str:
        """What is certain by now."""
        self._held += delta
        return self._read(is_end=False)

    def flush(self) -> str:
        """What is left; the reply has ended."""
        return self._read(is_end=True)

    def _read(self, *, is_end: bool) -> str:
        said: list[str] = []
        while self._held and not self.is_over:
            if self._is_inside:
                said.append(self._sentence())
            elif (begun := self._begin(is_end=is_end)) is not None:
                said.append(begun)
            else:
                break
        return "".join(said)

    def _sentence(self) -> str:
        """What is held up to the end of a sentence."""
        end = next((at for at, each in enumerate(self._held) if each in _ENDS), None)
        self._is_inside = end is None
        end = len(self._held) if end is None else end + 1
        text, self._held = self._held[:end], self._held[end:]
        self._begins_line = text.endswith("\n")
        if self._closing and text.endswith(self._closing):
            text, self._closing = text[:-1], ""
        return text.replace("`", "")

    def _begin(self, *, is_end: bool) -> str | None:
        """What comes out of the beginning of a sentence; None: not yet known."""
        lead = _LEAD.match(self._held)
        assert lead is not None
        text = self._held[lead.end() :]
        found = self._label(text, is_end=is_end) if text or is_end else None
        if found is None:
            return None
        before = lead[0]
        if found:
            if text[:found].rstrip(":： *_").casefold() not in self._own:
                self.is_over, self._held = True, ""
                return ""
            text = text[found:].lstrip(" \t*_")
            if not text and not is_end:
                return None
            # The mark before the name is gone with it; one behind it opens what is said.
            before = "".join(each for each in before if each.isspace() or each == self._closing)
        between = self._between(before)
        if found and text[:1] and text[0] in _OPENING:
            self._closing, text = _OPENING[text[0]], text[1:]
        self._held, self._is_inside = text, True
        return between

    def _between(self, lead: str) -> str:
        """What is left of the marks before a sentence."""
        if self._closing and self._closing in lead:
            lead, self._closing = lead.replace(self._closing, "", 1), ""
        *lines, last = lead.replace("`", "").split("\n")
        if lines or self._begins_line:
            last = _BULLET.sub("", last)
        if self._is_begun:
            return "\n".join([*lines, last])
        self._is_begun = True
        last = last.lstrip()
        if last[:1] and last[0] in _OPENING:
            self._closing, last = _OPENING[last[0]], last[1:]
        return last

    def _label(self, text: str, *, is_end: bool) -> int | None:
        """The length of the role name and colon that the text begins with, 0 for none; None: not
        yet known.
        """
        folded = text.casefold()
        for label in self._labels:
            if folded.startswith(label):
                rest = text[len(label) :].lstrip("*_ ")
                if rest[:1] in (":", "：") and rest:
                    return len(text) - len(rest) + 1
                if not rest and not is_end:
                    return None
            elif label.startswith(folded) and not is_end:
                return None
        return 0
