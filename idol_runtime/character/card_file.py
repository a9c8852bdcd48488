"""Character cards as files: PNG, JSON and CHARX (Character Card V1, V2 and V3).

https://github.com/malfoyslastname/character-card-spec-v2
https://github.com/kwaroran/character-card-spec-v3

A card is kept as the JSON it came as, so that nothing of it is lost; what a character makes of it
is in `card_texts`. Cards come from strangers: sizes are counted while they are unpacked, and paths
that lead anywhere but down are refused.
"""

import base64
import binascii
import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, NoReturn

from idol_runtime.character.png_text import (
    SIGNATURE,
    plain_png,
    read_texts,
    with_texts,
    without_texts,
)
from idol_runtime.errors import InputError

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
MAX_JSON_BYTES: Final = 32 * 1024 * 1024
MAX_FILES: Final = 2_000
MAX_UNPACKED_BYTES: Final = 256 * 1024 * 1024
"""Of all files of a CHARX together."""
MAX_DEPTH: Final = 100
"""Of lists and objects within one another."""
CARD_JSON: Final = "card.json"
ASSET_CHUNK: Final = "chara-ext-asset_:"
"""The keyword of an asset within a PNG begins so; its path follows."""
ASSET_FOLDER: Final = "chara-ext-asset"
"""Where such assets lie beside a card in a folder."""
Format = Literal["png", "json", "charx"]
_KEYWORDS: Final = ("ccv3", "chara")
"""Of the card in a PNG; the newer one counts where both are there."""
_SAFE_PATH: Final = re.compile(r'[^\x00-\x1f\x7f\\:*?"<>|]{1,240}')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CardFile:
    """What one file held."""

    card: dict[str, Any]
    """The card's JSON: `spec`, `data` and the rest."""
    picture: bytes | None = None
    """The PNG that the card came in, without the card."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What lies beside it, by path; the paths of a PNG's assets begin with `ASSET_FOLDER`."""


def read_card(path: Path) -> CardFile:
    """Reads a card of any format, which is told by its bytes and not by its name.

    Raises:
        InputError: no card, a damaged or encrypted one, one that is far too large, or one with a
            path that leads out of it.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError(
                f"{path}: expected a card of at most {MAX_FILE_BYTES >> 20} MiB, found "
                f"{size >> 20} MiB; take large assets out of it."
            )
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: expected a character card, but {error.strerror or error}; check the path."
        ) from None
    try:
        return card_of(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def card_of(data: bytes) -> CardFile:
    """The same from bytes."""
    if data.startswith(SIGNATURE):
        return _from_png(data)
    if data[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        return CardFile(_checked(_json(data)))
    if zipfile.is_zipfile(io.BytesIO(data)):  # some begin with a JPEG
        return _from_charx(data)
    raise InputError(
        "expected a character card as PNG, JSON or CHARX, found another kind of file; save it as "
        "one of these."
    )


def write_card(card: CardFile, kind: Format) -> bytes:
    """The bytes of a file of that format.

    A PNG holds the card twice, for programs that know V2 alone, and CHARX is V3 by definition; the
    rest stays of the version it is.

    Raises:
        InputError: the card holds what no JSON can hold.
    """
    if kind == "json":
        return encode_json(card.card)
    if kind == "png":
        texts = {
            "chara": _in_base64(as_version(card.card, 2)),
            "ccv3": _in_base64(as_version(card.card, 3)),
        }
        for path, content in card.files.items():
            if path.startswith(f"{ASSET_FOLDER}/"):
                keyword = ASSET_CHUNK + path.removeprefix(f"{ASSET_FOLDER}/")
                texts[keyword] = base64.b64encode(content)
        return with_texts(card.picture or plain_png(400, 600, (88, 92, 140), (24, 26, 48)), texts)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_member(CARD_JSON), encode_json(as_version(card.card, 3)))
        for path, content in sorted(card.files.items()):
            archive.writestr(_member(path), content)
    return packed.getvalue()


def as_version(card: Mapping[str, Any], version: Literal[2, 3]) -> dict[str, Any]:
    """The same card said to be of another version; a V1 card's fields move into `data`."""
    data = dict(data_of(card))
    root = dict(card) if isinstance(card.get("data"), dict) else {}
    if version == 3:
        data.setdefault("group_only_greetings", [])
    return {
        **root,
        "spec": f"chara_card_v{version}",
        "spec_version": f"{version}.0",
        "data": data,
    }


def data_of(card: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of the character: in `data`, or in a V1 card at the root."""
    data = card.get("data")
    return data if isinstance(data, dict) else card


def decode_json(data: bytes) -> Any:
    """Raises `InputError` for what is no JSON, too deep, or holds numbers that JSON has not."""
    if len(data) > MAX_JSON_BYTES:
        raise InputError(
            f"expected at most {MAX_JSON_BYTES >> 20} MiB of JSON, found {len(data) >> 20} MiB; "
            "take large assets out of it."
        )
    try:
        found = json.loads(
            data.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_float=_finite
        )
    except (
        ValueError,
        RecursionError,
    ) as error:  # ValueError: no UTF-8, or a number of 5,000 digits
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise InputError(f"expected the card as JSON, but {reason}; get it again.") from None
    if _is_deeper(found, MAX_DEPTH):
        raise InputError("expected the card as JSON, but it is nested too deeply; get it again.")
    return found


def encode_json(value: object) -> bytes:
    """UTF-8, indented; halves of characters, which UTF-8 cannot hold, are escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=2, allow_nan=False).encode()


def check_path(path: str) -> str:
    """The same path, if it leads down from wherever it is laid on every platform.

    Raises:
        InputError: it does not.
    """
    pure = PurePosixPath(path)
    parts = path.split("/")
    if (
        _SAFE_PATH.fullmatch(path) is None
        or pure.is_absolute()
        or any(
            part in ("", ".", "..") or part != part.rstrip(". ") or _RESERVED.fullmatch(part)
            for part in parts
        )
        or len(parts) > 16
    ):
        raise InputError(
            f"expected plain paths within the card, found {path[:80]!r}; take that file out of it."
        )
    return path


def _from_png(data: bytes) -> CardFile:
    texts = read_texts(data)
    found = {keyword.lower(): text for keyword, text in reversed(texts)}
    encoded = next((found[keyword] for keyword in _KEYWORDS if keyword in found), None)
    if encoded is None:
        raise InputError(
            "expected a PNG with a character card in it (a text `chara` or `ccv3`), found a "
            "picture alone; a program that shows or sends pictures may have taken it out."
        )
    card = _checked(_json(encoded if encoded.lstrip()[:1] == b"{" else _from_base64(encoded)))
    files = _Files()
    for keyword, text in texts:
        if keyword.startswith(ASSET_CHUNK):
            path = f"{ASSET_FOLDER}/{keyword.removeprefix(ASSET_CHUNK)}"
            files.add(path, _from_base64(text))
    picture = without_texts(
        data, lambda keyword: keyword.lower() in _KEYWORDS or keyword.startswith(ASSET_CHUNK)
    )
    return CardFile(card, picture, files.found)


def _from_charx(data: bytes) -> CardFile:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            if len(members) > MAX_FILES:
                raise InputError(
                    f"expected at most {MAX_FILES} files in the card, found {len(members)}; take "
                    "some out of it."
                )
            files = _Files()
            for member in members:
                with archive.open(member) as opened:
                    files.add(member.filename, files.read(opened.read))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise InputError(f"expected a whole CHARX, but {error}; get it again.") from None
    except (RuntimeError, NotImplementedError):  # a password, or a method that Python has not
        raise InputError(
            "expected a CHARX that is neither encrypted nor packed in a rare way; pack it again as "
            "a plain zip."
        ) from None
    encoded = files.found.pop(CARD_JSON, None)
    if encoded is None:
        raise InputError(
            f"expected a {CARD_JSON} in the CHARX, found none; it may be a zip of something else."
        )
    return CardFile(_checked(_json(encoded)), None, files.found)


class _Files:
    """Files of one card, counted while they come."""

    def __init__(self) -> None:
        self.found: dict[str, bytes] = {}
        self._size = 0
        self._names: set[str] = set()

    def read(self, read: Callable[[int], bytes]) -> bytes:
        """A file that is unpacked no further than there is room."""
        return read(MAX_UNPACKED_BYTES - self._size + 1)

    def add(self, path: str, content: bytes) -> None:
        check_path(path)
        name = path.casefold()  # on most platforms two such names are one file
        if name in self._names or len(self._names) >= MAX_FILES:
            raise InputError(
                f"expected at most {MAX_FILES} files of different names in the card, found more, "
                "or one name twice; take them out of it."
            )
        self._names.add(name)
        self._size += len(content)
        if self._size > MAX_UNPACKED_BYTES:
            raise InputError(
                f"expected at most {MAX_UNPACKED_BYTES >> 20} MiB of files in the card, found more "
                "when it was unpacked; take large ones out of it."
            )
        self.found[path] = content


def _member(path: str) -> zipfile.ZipInfo:
    # A fixed date: the same card is the same file.
    info = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info


def _in_base64(card: object) -> bytes:
    return base64.b64encode(encode_json(card))


def _from_base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        raise InputError(
            "expected base64 in the PNG's texts, found something else; get the card again."
        ) from None


def _json(data: bytes) -> dict[str, Any]:
    found = decode_json(data)
    if not isinstance(found, dict):
        raise InputError("expected a card that is a JSON object, found another value.")
    return found


def _checked(card: dict[str, Any]) -> dict[str, Any]:
    """The card, if it is one; of any version, later ones included."""
    data = data_of(card)
    if card.get("spec") == "lorebook_v3" or ("entries" in card and "data" not in card):
        raise InputError("expected a character card, found a lorebook alone; put it into a card.")
    name = data.get("name", data.get("char_name"))
    if not isinstance(name, str) or not name.strip():
        raise InputError("expected a card with the `name` of a character, found none.")
    return card


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is no number that fits")
    return value


def _is_deeper(value: object, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True
