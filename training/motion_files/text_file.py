"""Text of motion files, as editors and programs of all platforms leave it."""

import codecs
import re
from typing import Final

_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_COMMENT: Final = re.compile(r"(?m)(?:^|(?<=\s))(?:#|//).*$")


def decoded(content: bytes) -> str:
    """The text with line feeds alone; what is no text becomes U+FFFD, and so it is in no number."""
    mark = next((mark for mark in _MARKS if content.startswith(mark)), b"")
    text = content[len(mark) :].decode(_MARKS.get(mark, "utf-8"), errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def without_comments(text: str) -> str:
    """The same lines; what stands behind `#` or `//` is left out."""
    return _COMMENT.sub("", text)
