"""What the site takes from outside `docs/`: pages that live beside the code, and links to it."""

import re
from collections.abc import Iterator
from pathlib import Path
from posixpath import relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
BESIDE_THE_CODE = {
    "wire.md": ROOT / "protocol" / "README.md",
    "training.md": ROOT / "training" / "README.md",
    "contributing.md": ROOT / "CONTRIBUTING.md",
    "changelog.md": ROOT / "CHANGELOG.md",
}
"""Pages of the site by the files they are read from."""
LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for name, source in BESIDE_THE_CODE.items():
        files.append(File.generated(config, name, content=source.read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links to pages lead to them; one to a file of the repository becomes what it says.

    A link to nothing is left as it is, and the strict build fails on it.
    """
    uri = page.file.src_uri
    folder = BESIDE_THE_CODE.get(uri, DOCS / uri).parent

    def lead(link: re.Match[str]) -> str:
        target, _, anchor = link["target"].partition("#")
        if not target or ":" in target:
            return link[0]
        path = (folder / target).resolve()
        for name in _pages(path):
            where = relpath(name, str(Path(uri).parent)) + (f"#{anchor}" if anchor else "")
            return f"{link['picture']}[{link['text']}]({where})"
        return link["text"] if path.exists() else link[0]

    return "".join(
        part if part.startswith("```") else LINK.sub(lead, part)
        for part in re.split(r"(^```.*?^```$)", markdown, flags=re.M | re.S)
    )


def _pages(path: Path) -> Iterator[str]:
    """The path of a file on the site, if it is there."""
    yield from (name for name, source in BESIDE_THE_CODE.items() if source.resolve() == path)
    if path.is_file() and path.is_relative_to(DOCS):
        yield path.relative_to(DOCS).as_posix()
