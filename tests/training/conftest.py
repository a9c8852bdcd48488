from pathlib import Path

import pytest

from tests.training.face_captures import Run
from training.ingest.__main__ import main
from training.ingest.recording import Dataset, read_dataset


@pytest.fixture
def ingest(tmp_path: Path) -> Run:
    def run(adapter: str, folder: Path, *options: str) -> Dataset:
        out = tmp_path / "set"
        named = any(each.startswith("--speaker") for each in options)
        main(
            [
                adapter, str(folder), "--out", str(out), "--name", "set", "--licence", "MIT",
                *(() if named else ("--speaker", "a")), *options,
            ]
        )  # fmt: skip
        return read_dataset(out)

    return run
