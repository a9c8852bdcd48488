import base64
import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idol_runtime.character import card_file
from idol_runtime.character.card_file import (
    CardFile,
    Format,
    as_version,
    card_of,
    check_path,
    data_of,
    read_card,
    write_card,
)
from idol_runtime.character.png_text import SIGNATURE, read_texts, with_texts
from idol_runtime.errors import InputError
from tests.character.cards import chunk, encoded, in_png, newer_card, picture, tavern_card

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KNOWN = st.sampled_from(
    ["description", "personality", "tags", "mes_example", "extensions", "character_book", "assets"]
)


@st.composite
def cards(draw: st.DrawFn) -> dict[str, Any]:
    """Any card of V2 or V3, whatever else stands in it."""
    version = draw(st.sampled_from((2, 3)))
    data = draw(st.dictionaries(KNOWN | st.text(), JSON, max_size=6))
    data["name"] = draw(st.text(min_size=1).filter(lambda name: bool(name.strip())))
    if version == 3:
        data.setdefault("group_only_greetings", [])
    root = draw(st.dictionaries(st.text(), JSON, max_size=3))
    return {**root, "spec": f"chara_card_v{version}", "spec_version": f"{version}.0", "data": data}


@given(cards(), st.sampled_from(("png", "json", "charx")))
def test_a_card_of_any_format_comes_back_whole(card: dict[str, Any], kind: Format) -> None:
    back = card_of(write_card(CardFile(card), kind)).card
    version: Literal[2, 3] = 2 if card["spec"] == "chara_card_v2" and kind == "json" else 3
    assert back == as_version(card, version)
    assert data_of(back).items() >= data_of(card).items()


def test_halves_of_emoji_that_programs_leave_behind_survive() -> None:
    card = json.loads('{"spec": "chara_card_v3", "data": {"name": "A\\ud83d"}}')
    for kind in ("png", "json", "charx"):
        assert card_of(write_card(CardFile(card), kind)).card["data"]["name"] == "A\ud83d"


def test_the_newer_card_of_a_png_counts_and_the_picture_stays() -> None:
    both = {"chara": encoded(tavern_card()), "ccv3": encoded(newer_card())}
    found = card_of(with_texts(picture(), both))
    assert found.card == newer_card()
    assert found.picture == picture()


def test_a_png_that_we_write_is_read_by_programs_that_know_the_older_version_alone() -> None:
    written = write_card(CardFile(newer_card()), "png")
    texts = dict(read_texts(written))
    older = json.loads(base64.b64decode(texts["chara"]))
    assert older["spec"] == "chara_card_v2"
    assert older["data"] == newer_card()["data"]


@pytest.mark.parametrize(
    "text",
    [
        chunk(b"zTXt", b"chara\0\0" + zlib.compress(encoded(tavern_card()))),
        chunk(b"iTXt", b"chara\0\0\0\0\0" + encoded(tavern_card())),
        chunk(b"iTXt", b"chara\0\1\0en\0Figur\0" + zlib.compress(encoded(tavern_card()))),
        chunk(b"tEXt", b"Chara\0" + encoded(tavern_card())),
        chunk(b"tEXt", b"chara\0" + json.dumps(tavern_card()).encode()),
        chunk(b"tEXt", b"chara\0" + encoded(tavern_card()))[:-4] + b"\0\0\0\0",
    ],
    ids=["packed", "international", "international and packed", "capital", "no base64", "bad crc"],
)
def test_every_kind_of_text_chunk_is_read(text: bytes) -> None:
    assert card_of(SIGNATURE + text + picture()[len(SIGNATURE) :]).card == tavern_card()


def test_assets_in_a_png_go_round() -> None:
    card = CardFile(newer_card(), picture(), {"chara-ext-asset/3": b"\0\1\2"})
    found = card_of(write_card(card, "png"))
    assert (found.files, found.picture) == (card.files, card.picture)


def test_a_charx_behind_a_picture_is_read_with_its_files() -> None:
    files = {"assets/icon/images/a.png": picture(), "x_meta/1.json": b"{}"}
    packed = write_card(CardFile(newer_card(), None, files), "charx")
    found = card_of(b"\xff\xd8\xff\xe0 a JPEG" + packed)
    assert found == CardFile(newer_card(), None, files)


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return packed.getvalue()


CARD_JSON = json.dumps(newer_card()).encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "PNG, JSON or CHARX"),
        (b"GIF89a", "PNG, JSON or CHARX"),
        (picture(), "picture alone"),
        (picture()[:40], "cut short"),
        (in_png(tavern_card())[:-30], "cut short"),
        (with_texts(picture(), {"chara": b"%%%1"}), "base64"),
        (with_texts(picture(), {"chara": encoded([1])}), "object"),
        (b"{", "as JSON"),
        (b'{"name": NaN}', "NaN is no number"),
        (b'{"name": 1e999}', "no number that fits"),
        (b'{"name": ' + b"9" * 5000 + b"}", "as JSON"),
        (b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}", "nested too deeply"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"data": {"name": " "}}', "`name`"),
        (b'{"name": 5}', "`name`"),
        (b'{"spec": "lorebook_v3", "data": {"entries": []}}', "lorebook alone"),
        (zipped({"a.txt": b""}), "card.json"),
        (zipped({"card.json": CARD_JSON, "../a": b""}), r"plain paths.*\.\./a"),
        (zipped({"card.json": CARD_JSON, "a": b"", "A": b""}), "one name twice"),
        (zipped({"card.json": CARD_JSON})[:-40] + b"PK\5\6" + b"\0" * 18, "card.json"),
        (SIGNATURE + chunk(b"zTXt", b"chara\0\0junk") + picture()[8:], "damaged"),
        (SIGNATURE + struct.pack(">I", 2**31) + b"tEXt", "cut short"),
    ],
)
def test_what_is_no_card_is_one_sentence(data: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says) as raised:
        card_of(data)
    assert "\n" not in str(raised.value)


def test_bombs_are_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_file, "MAX_UNPACKED_BYTES", 100_000)
    nothing = bytes(10_000_000)
    with pytest.raises(InputError, match="when it was unpacked"):
        card_of(zipped({"card.json": CARD_JSON, "a": nothing}))
    with pytest.raises(InputError, match="at most 2000 files"):
        card_of(zipped({f"{number}": b"" for number in range(2100)}))
    lying = bytearray(zipped({"card.json": CARD_JSON, "a": nothing}))
    size = struct.pack("<I", len(nothing))
    while (at := lying.find(size)) >= 0:  # both headers say that it is small
        lying[at : at + 4] = struct.pack("<I", 5)
    with pytest.raises(InputError):
        card_of(bytes(lying))
    bomb = zlib.compress(bytes(80 * 1024 * 1024))
    with pytest.raises(InputError, match="at most 64 MiB"):
        card_of(SIGNATURE + chunk(b"zTXt", b"chara\0\0" + bomb) + picture()[8:])


def test_a_huge_file_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(CARD_JSON)
    monkeypatch.setattr(card_file, "MAX_FILE_BYTES", 100)
    with pytest.raises(InputError, match=r"card\.json: expected a card of at most"):
        read_card(path)
    with pytest.raises(InputError, match="No such file"):
        read_card(tmp_path / "nothing.png")


@given(st.data())
def test_a_damaged_card_is_a_sentence_or_another_card(data: st.DataObject) -> None:
    """Bytes changed, cut or added anywhere never end in anything else."""
    kind: Format = data.draw(st.sampled_from(("png", "json", "charx")))
    whole = bytearray(write_card(CardFile(tavern_card(), picture(), {"a/b.txt": b"hi"}), kind))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=8))
        if not whole:
            break
    try:
        found = card_of(bytes(whole))
    except InputError:
        return
    assert data_of(found.card)["name"]
    for path in found.files:
        check_path(path)


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("./\\:~"), max_size=40))
@example("a/../../b")
@example("..")
@example("/etc/passwd")
@example("C:/x")
@example("a\\..\\b")
@example("a/./b")
@example("a//b")
@example("nul.txt")
@example("a/b. ")
def test_a_path_that_is_let_in_leads_down(path: str) -> None:
    base = Path("/base/folder")
    try:
        check_path(path)
    except InputError:
        return
    laid = (base / path).resolve()
    assert laid.is_relative_to(base)
    assert laid != base
    assert "\\" not in path
    assert ":" not in path


def test_a_plain_path_is_let_in() -> None:
    assert check_path("assets/icon/images/main (1).png") == "assets/icon/images/main (1).png"
