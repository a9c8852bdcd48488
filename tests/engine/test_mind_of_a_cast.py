"""The mind has hold of every conversation of the product, live and offline."""

from pathlib import Path

import pytest

from idol_runtime.character import load_character
from idol_runtime.conversation.items import Speaker
from idol_runtime.conversation.models import ModelFolders
from idol_runtime.engine.engine import CastEntry, EngineConfig, open_engine
from idol_runtime.engine.offline import say
from idol_runtime.mind.memory.keeping import Keeper
from idol_runtime.mind.memory.settings import MemorySettings
from idol_runtime.mind.memory.sqlite_store import SqliteStore

MY_NAME = "What is my name?"
pytestmark = pytest.mark.slow
SPANISH = "Hola, ¿cómo te llamas?"
"""The voice of the page speaks English alone."""


async def test_a_live_character_has_its_mind(folders: ModelFolders, desk: Path) -> None:
    entry = CastEntry("ren", load_character(desk / "ren"), folders)
    async with open_engine([entry], EngineConfig("cpu", threads=1)) as engine:
        conversation = engine.cast.join("ren")
        conversation.hear(SPANISH)
        ended = await conversation.reply()
        await engine.cast.leave(conversation)
    assert "English" in ended.item.text


async def test_a_character_that_answers_into_files_has_its_mind(
    folders: ModelFolders, desk: Path, tmp_path: Path
) -> None:
    ren = load_character(desk / "ren")
    said = await say(SPANISH, tmp_path, character=ren, folders=folders, provider="cpu", threads=1)
    assert "English" in said.reply


async def test_who_says_something_is_known_when_they_say_something_else(
    folders: ModelFolders, desk: Path, tmp_path: Path
) -> None:
    ren, settings = load_character(desk / "ren"), MemorySettings(answer_s=30)
    answers = []
    for user, text in (("sam", "I'm Sam."), ("tom", MY_NAME), ("sam", MY_NAME)):
        store = SqliteStore(tmp_path / "memory.sqlite3")
        keeper = Keeper(store, settings, lambda: None, lambda: 1_772_452_800.0)
        said = await say(
            text,
            tmp_path,
            character=ren,
            folders=folders,
            provider="cpu",
            threads=1,
            character_id="ren",
            speaker=Speaker(f"open/{user}"),
            keeper=keeper,
        )
        await keeper.aclose()
        answers.append(said.reply)
    assert "Sam" not in answers[1]
    assert "Sam" in answers[2]
