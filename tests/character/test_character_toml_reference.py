from pathlib import Path

from idol_runtime.character import load_character
from tests.character.character_toml_reference import EXAMPLE, PAGE, page


def test_the_page_is_what_the_structs_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "docs/character_toml.md is not what the structs say; run "
        "`python -m tests.character.character_toml_reference`"
    )


def test_its_example_is_a_character(tmp_path: Path) -> None:
    (tmp_path / "character.toml").write_text(EXAMPLE, encoding="utf-8")
    aki = load_character(tmp_path)
    assert (aki.name, aki.voice.speed, aki.sampling.max_tokens) == ("Aki", 1.1, 80)
