"""docs/idol_toml.md says what the structs say."""

from pathlib import Path

from idol_runtime.cli.idol_toml import read_idol_toml
from idol_runtime.cli.main import build_parser
from idol_runtime.cli.serve_settings import settings_of
from tests.cli.idol_toml_reference import EXAMPLE, PAGE, page


def test_the_page_is_what_the_structs_make() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == page(), "run `python -m tests.cli.idol_toml_reference`"


def test_its_example_is_a_server(tmp_path: Path) -> None:
    path = tmp_path / "idol.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    assert read_idol_toml(path).limits.max_connections == 200
    options = build_parser().parse_args(["serve", "--config", str(path)])
    settings = settings_of(options, {"IDOL_TOKEN": "viewers", "IDOL_HOST_TOKEN": "host"})
    assert [member.name for member in settings.cast] == ["hoshi", "aki", "mio"]
    assert settings.outputs[0].character == "hoshi"
