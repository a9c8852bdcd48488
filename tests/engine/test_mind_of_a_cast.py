"""The mind has hold of every conversation of the product, live and offline."""

from pathlib import Path

import pytest

from idol_runtime.character import load_character
from idol_runtime.conversation.models import ModelFolders
from idol_runtime.engine.engine import CastEntry, EngineConfig, open_engine
from idol_runtime.engine.offline import say

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
