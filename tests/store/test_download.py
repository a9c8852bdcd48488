import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idol_runtime.store.download import download, open_client
from idol_runtime.store.failures import SourceFailure, Unreachable, WrongFile
from tests.store.file_server import FileServer, sha256

CONTENT = random.Random(1).randbytes(700_000)


def fetch(url: str, part: Path, content: bytes = CONTENT) -> list[float]:
    waits: list[float] = []
    with open_client() as client:
        download(client, url, part, size=len(content), sha256=sha256(content), sleep=waits.append)
    return waits


def test_a_beginning_that_is_there_is_not_fetched_again(server: FileServer, tmp_path: Path) -> None:
    part = tmp_path / "x.part"
    part.write_bytes(CONTENT[:300_000])
    fetch(server.serve("/x", CONTENT), part)
    assert part.read_bytes() == CONTENT
    assert server.gets("/x") == ["bytes=300000-"]


def test_a_broken_transfer_goes_on_where_it_stopped(server: FileServer, tmp_path: Path) -> None:
    part = tmp_path / "x.part"
    waits = fetch(server.serve("/x", CONTENT, cuts=[250_000, 1]), part)
    assert part.read_bytes() == CONTENT
    starts = [int(wanted.removeprefix("bytes=").rstrip("-") or 0) for wanted in server.gets("/x")]
    assert starts[0] == 0
    assert 0 < starts[1] <= 250_000
    assert starts[2] > starts[1]
    assert len(waits) == 2


def test_a_server_without_ranges_starts_over(server: FileServer, tmp_path: Path) -> None:
    part = tmp_path / "x.part"
    part.write_bytes(b"other bytes" * 1000)
    fetch(server.serve("/x", CONTENT, has_ranges=False), part)
    assert part.read_bytes() == CONTENT


def test_a_damaged_beginning_is_thrown_away_once(server: FileServer, tmp_path: Path) -> None:
    part = tmp_path / "x.part"
    part.write_bytes(b"\0" * 300_000)
    fetch(server.serve("/x", CONTENT), part)
    assert part.read_bytes() == CONTENT
    assert server.gets("/x") == ["bytes=300000-", ""]


def test_other_bytes_of_the_same_size_are_refused_and_removed(
    server: FileServer, tmp_path: Path
) -> None:
    part = tmp_path / "x.part"
    with pytest.raises(WrongFile, match="another sha256"):
        fetch(server.serve("/x", bytes(len(CONTENT))), part)
    assert not part.exists()


def test_a_file_of_another_size_is_refused_before_it_is_transferred(
    server: FileServer, tmp_path: Path
) -> None:
    part = tmp_path / "x.part"
    part.write_bytes(CONTENT[:1000])
    with pytest.raises(WrongFile, match="offers 5000 bytes instead of 700000"):
        fetch(server.serve("/x", bytes(5000)), part)
    assert part.read_bytes() == CONTENT[:1000]


def test_a_body_that_does_not_end_is_cut_off(server: FileServer, tmp_path: Path) -> None:
    url = server.serve("/x", CONTENT * 3, has_length=False)
    with pytest.raises(WrongFile, match="more than the expected"):
        fetch(url, tmp_path / "x.part")


def test_a_server_in_trouble_is_asked_again_with_growing_waits(
    server: FileServer, tmp_path: Path
) -> None:
    waits = fetch(server.serve("/x", CONTENT, statuses=[503, 429, 500]), tmp_path / "x.part")
    assert waits == sorted(waits)
    assert len(waits) == 3


def test_a_server_that_stays_in_trouble_is_given_up(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(SourceFailure, match=r"the server answers 503 at 0\.0 MB of 0\.7 MB"):
        fetch(server.serve("/x", CONTENT, statuses=[503] * 9), tmp_path / "x.part")


def test_a_missing_file_is_not_asked_for_twice(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(SourceFailure, match="404"):
        fetch(server.url + "/none", tmp_path / "x.part")
    assert len(server.requests) == 1


def test_an_address_where_nobody_listens_is_unreachable(tmp_path: Path, no_hub: str) -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 cannot be reached"):
        fetch(no_hub + "/x", tmp_path / "x.part")


def test_a_file_on_this_machine_is_copied(tmp_path: Path) -> None:
    (tmp_path / "has space").write_bytes(CONTENT)
    fetch((tmp_path / "has space").as_uri(), tmp_path / "x.part")
    assert (tmp_path / "x.part").read_bytes() == CONTENT


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    content=st.binary(min_size=1, max_size=3000),
    begun=st.binary(max_size=3500),
    is_prefix=st.booleans(),
    cuts=st.lists(st.integers(1, 1500), max_size=3),
    has_ranges=st.booleans(),
)
def test_whatever_breaks_the_bytes_end_up_right(
    server: FileServer,
    content: bytes,
    begun: bytes,
    is_prefix: bool,
    cuts: list[int],
    has_ranges: bool,
) -> None:
    with TemporaryDirectory() as folder:
        part = Path(folder) / "x.part"
        part.write_bytes(content[: len(begun) // 2] if is_prefix else begun)
        url = server.serve("/x", content, cuts=cuts, has_ranges=has_ranges)
        fetch(url, part, content)
        assert part.read_bytes() == content


def test_redirects_are_followed(server: FileServer, tmp_path: Path) -> None:
    server.serve("/x", CONTENT)
    part = tmp_path / "x.part"
    part.write_bytes(CONTENT[:7])
    fetch(server.serve("/moved", b"", redirect="/x"), part)
    assert part.read_bytes() == CONTENT
    assert server.gets("/x") == ["bytes=7-"]
