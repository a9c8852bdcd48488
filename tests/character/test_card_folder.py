import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.character import DEFAULT_CHARACTER, load_character
from idol_runtime.character.card_file import CardFile, Format, card_of, data_of, write_card
from idol_runtime.character.card_folder import Imported, export_card, import_card
from idol_runtime.character.card_texts import character_table, lore_table
from idol_runtime.character.lore import LoreEntry, LoreSettings
from idol_runtime.errors import InputError
from tests.character.cards import in_png, newer_card, picture, tavern_card
from tests.character.test_card_file import cards

FORMATS: tuple[Format, ...] = ("png", "json", "charx")


def imported(tmp_path: Path, data: bytes, name: str = "maren") -> Imported:
    card = tmp_path / "card"
    card.write_bytes(data)
    return import_card(card, tmp_path / name)


def exported(folder: Path, kind: Format) -> CardFile:
    return card_of(export_card(folder, kind)[0])


def test_a_character_is_made_of_a_card(tmp_path: Path) -> None:
    made = imported(tmp_path, in_png(tavern_card()))
    character = made.character
    assert character.name == "Maren"
    assert character.persona == (
        "You are Maren.\n\nWrite short replies.\n\n"
        "Maren keeps the lighthouse of Gull Point.\nShe knows the user well.\n\n"
        "Personality: dry, patient\n\nScenario: A storm keeps the user at the lighthouse."
    )
    assert character.greeting == '*lifts the lantern* "Come in!"'
    assert character.alternate_greetings == ["You again.", "Shut the door!"]
    assert character.reminder == "Maren never leaves the lighthouse."
    assert [(each.user, each.reply) for each in character.examples] == [
        ("Is it far to town?", "Two hours on foot. *points north*"),
        ("Tea?", "Always."),
    ]
    assert character.lore == [
        LoreEntry("The lamp burns whale oil.", keys=["lamp", "lantern"], name="the lamp"),
        LoreEntry(
            "Three ships lie north of the point.",
            keys=["/wrecks?/i"], secondary_keys=["north"], order=50, enabled=False,
        ),
    ]  # fmt: skip
    assert character.lorebook == LoreSettings()
    assert made.creator_notes == "Best with rain sounds."
    assert (made.folder / "card" / "picture.png").read_bytes() == picture()


def test_older_cards_of_other_programs_are_read(tmp_path: Path) -> None:
    old = {"char_name": "Bo", "char_persona": "A baker.", "char_greeting": "Fresh bread!"}
    character = imported(tmp_path, json.dumps(old).encode()).character
    assert (character.name, character.greeting) == ("Bo", "Fresh bread!")
    assert "A baker." in character.persona


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("card", [tavern_card(), newer_card()], ids=["V2", "V3"])
def test_a_round_trip_loses_nothing(tmp_path: Path, card: dict[str, Any], kind: Format) -> None:
    folder = imported(tmp_path, in_png(card)).folder
    back = exported(folder, kind)
    was, now = dict(card["data"]), dict(data_of(back.card))
    if kind == "charx" and "assets" not in was:  # the picture has become one
        now.pop("assets")
    assert now.items() >= was.items()
    assert {key: each for key, each in now.items() if key not in was and each} == {}
    root = {key: card[key] for key in card if key not in ("spec", "spec_version", "data")}
    assert back.card.items() >= root.items()
    if kind == "png":
        assert back.picture == picture()
    if kind == "charx":
        assert picture() in back.files.values()


def test_the_files_of_a_charx_go_round(tmp_path: Path) -> None:
    files = {"assets/icon/images/a.png": picture(), "x_meta/1.json": b"{}"}
    whole = CardFile(newer_card(), None, files)
    folder = imported(tmp_path, write_card(whole, "charx")).folder
    back = exported(folder, "charx")
    assert back.files == files
    assert back.card["data"]["assets"] == newer_card()["data"]["assets"]
    _, notes = export_card(folder, "json")
    assert notes == ("2 files of the card do not fit into JSON; a .charx has room.",)


@given(card=cards())
def test_any_card_becomes_a_character_that_loads_and_comes_back(
    tmp_path_factory: pytest.TempPathFactory, card: dict[str, Any]
) -> None:
    folder = imported(tmp_path_factory.mktemp("card"), write_card(CardFile(card), "json")).folder
    assert load_character(folder).name.strip()
    now = exported(folder, "json").card
    assert now.items() >= {key: each for key, each in card.items() if key != "data"}.items()
    assert now["data"].items() >= card["data"].items()


def test_what_was_changed_by_hand_is_in_the_card_and_all_else_stays(tmp_path: Path) -> None:
    folder = imported(tmp_path, in_png(tavern_card())).folder
    for name, old, new in (
        ("character.toml", "Shut the door!", "Mind the step!"),
        ("lore.toml", "whale oil", "rape oil"),
    ):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))
    text = (folder / "character.toml").read_text()
    (folder / "character.toml").write_text(text + '\n[voice]\nname = "bf_emma"\n')
    was, card = tavern_card(), exported(folder, "json").card
    data = card["data"]
    assert data["alternate_greetings"] == ["You again.", "Mind the step!"]
    lamp, wrecks = data["character_book"]["entries"]
    assert lamp["content"] == "The lamp burns rape oil."
    assert lamp["extensions"]["probability"] == 100
    assert wrecks == was["data"]["character_book"]["entries"][1]
    assert data["extensions"]["idol"]["voice"]["name"] == "bf_emma"
    assert data["extensions"]["vendor/thing"] == was["data"]["extensions"]["vendor/thing"]
    assert data["character_book"]["vendor_flag"] == 3
    for same in ("mes_example", "description", "first_mes", "tags"):
        assert data[same] == was["data"][same]
    again = imported(tmp_path, json.dumps(card).encode(), "again").character
    assert again == load_character(folder)


def test_a_character_of_ours_goes_out_and_comes_back(tmp_path: Path) -> None:
    hoshi = load_character(DEFAULT_CHARACTER)
    back = imported(tmp_path, export_card(DEFAULT_CHARACTER, "png")[0]).character
    assert back.name == hoshi.name
    assert back.persona.strip() == hoshi.persona.strip()
    assert (back.greeting, back.examples) == (hoshi.greeting, hoshi.examples)
    assert (back.voice, back.motion, back.emotion) == (hoshi.voice, hoshi.motion, hoshi.emotion)


def test_a_stranger_s_card_chooses_no_models_and_what_is_wrong_in_it_is_left_out(
    tmp_path: Path,
) -> None:
    card = newer_card()
    own = {"voice": {"speed": 99}, "models": {"dialogue": "../x"}, "gestures": ["wave"]}
    card["data"]["extensions"]["idol"] = own
    made = imported(tmp_path, json.dumps(card).encode())
    assert made.character.models == load_character(DEFAULT_CHARACTER).models
    assert made.character.gestures == ("wave",)
    assert made.character.voice.speed == 1.0
    [note] = made.notes
    assert "`voice` was left out" in note


def test_a_body_in_a_card_is_the_character_s(tmp_path: Path) -> None:
    body = b"glTF\x02\0\0\0\x10\0\0\0rest"
    files = {"assets/x_vrm/3d/main.vrm": body, "b.vrm": b"junk"}
    made = imported(tmp_path, write_card(CardFile(newer_card(), None, files), "charx"))
    assert made.character.avatar is not None
    assert Path(made.character.avatar).read_bytes() == body


def test_a_folder_with_files_is_not_touched_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    folder = imported(tmp_path, in_png(tavern_card())).folder
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="--replace"):
        imported(tmp_path, in_png(newer_card()))
    assert (folder / "mine.txt").exists()
    import_card(tmp_path / "card", folder, replace=True)
    assert not (folder / "mine.txt").exists()


def test_a_card_that_cannot_be_used_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        imported(tmp_path, b"no card")
    assert [path.name for path in tmp_path.iterdir()] == ["card"]


@given(st.dictionaries(st.sampled_from(["entries", "scan_depth", "token_budget"]), st.none()))
def test_odd_books_are_read_as_far_as_they_make_sense(book: dict[str, Any]) -> None:
    assert lore_table({"data": {"character_book": book}}) == {}
    assert character_table({"name": "A", "tags": book})["name"] == "A"
