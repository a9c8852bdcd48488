from pathlib import Path

from export.avatar import build_avatar
from export.avatar.__main__ import main


def test_the_avatar_is_written_where_it_was_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "made" / "avatar.vrm"
    main(["--out", str(out)])
    assert out.read_bytes() == build_avatar()
