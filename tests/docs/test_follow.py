"""The pages can be followed: every block has its way, and following is what it says."""

import sys
from pathlib import Path

import pytest

from tests.docs.follow import Follower, follow_page
from tests.docs.pages import PAGES, ROOT, SHELL, Block, alternatives, blocks_of, lines_of

BLOCKS = [block for page in PAGES for block in blocks_of(page, (ROOT / page).read_text("utf-8"))]


def follower(folder: Path) -> Follower:
    return Follower(folder, [Path(sys.executable).parent], folder / "log")


def test_every_page_that_shows_commands_is_followed() -> None:
    shown = {
        page.relative_to(ROOT).as_posix()
        for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *ROOT.glob("*/README.md")]
        if any(block.language in SHELL for block in blocks_of("", page.read_text("utf-8")))
    }
    # docs/index.md shows a line of README's.
    assert shown - {"docs/index.md"} <= set(PAGES)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_every_block_has_its_way(block: Block) -> None:
    known = (*SHELL, "python", "toml", "json", "text")
    assert block.title or block.reason or block.language in known


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_what_is_followed_leaves_nothing_out(block: Block) -> None:
    if block.language in SHELL and not block.reason:
        assert "..." not in block.text
        assert block.text.strip()


def test_a_page_is_followed_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = """
```python title="say.py"
print(open("word.txt").read())
```
```
echo hello > word.txt   # a comment
python say.py > said.txt
cp word.txt a|b
```
<!-- not followed: it would never end -->
```
sleep 1000000
```
<!-- needs word.txt -->
```python
print(open("a").read(), file=open("again.txt", "w"))
```
<!-- needs nothing.txt -->
```
cat nothing.txt
```
"""
    assert follow_page("page.md", page, follower(tmp_path)) == (3, 2)
    assert (tmp_path / "said.txt").read_text().strip() == "hello"
    assert (tmp_path / "b").exists()
    assert (tmp_path / "again.txt").exists()
    told = capsys.readouterr().out
    assert "not followed: it would never end" in told
    assert "not followed: nothing.txt is not there" in told


def test_what_fails_is_told_with_its_place_and_what_it_said(tmp_path: Path) -> None:
    page = "\n```\necho before\necho oh no; exit 3\n```\n"
    with pytest.raises(SystemExit, match=r"page\.md:2: .echo oh no; exit 3. ended with 3:\noh no"):
        follow_page("page.md", page, follower(tmp_path))


def test_alternatives_are_written_out() -> None:
    assert list(alternatives("idol models list | import F")) == [
        "idol models list",
        "idol models import F",
    ]
    assert list(alternatives("run face|pose --out O ...")) == [
        "run face --out O",
        "run pose --out O",
    ]


def test_lines_go_on_and_comments_end() -> None:
    text = "one \\\n    two  # three\n# four\npip install -e '.[train]'\n"
    assert list(lines_of(text)) == ["one two", "pip install -e '.[train]'"]
