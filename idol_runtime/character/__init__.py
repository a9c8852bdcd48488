"""A character is a folder: `character.toml`, owned by the people who wrote it."""

from idol_runtime.character.actions import Action, checked_actions, fits
from idol_runtime.character.character import (
    BUILT_IN,
    CHARACTER_FILE,
    DEFAULT_CHARACTER,
    OPENAI_PREFIX,
    SMALL_DIALOGUE,
    STYLE_SIZE,
    Character,
    ModelNames,
    Motion,
    Sampling,
    find_character,
    load_character,
    with_small_mind,
)
from idol_runtime.character.http_mind import HttpMind
from idol_runtime.character.scripted import ScriptedLines, lines_of

__all__ = [
    "BUILT_IN",
    "CHARACTER_FILE",
    "DEFAULT_CHARACTER",
    "OPENAI_PREFIX",
    "SMALL_DIALOGUE",
    "STYLE_SIZE",
    "Action",
    "Character",
    "HttpMind",
    "ModelNames",
    "Motion",
    "Sampling",
    "ScriptedLines",
    "checked_actions",
    "find_character",
    "fits",
    "lines_of",
    "load_character",
    "with_small_mind",
]
