import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from idol_runtime.errors import InputError
from tests.bench.beats import OURS, RIVAL, bench_beats, describe, main
from tests.bench.songs import Recipe, song

pytestmark = pytest.mark.slow


def test_a_missing_rival_is_told_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mir_eval", None)
    assert main([]) == 2
    assert "pip install mir_eval librosa" in capsys.readouterr().err


def test_own_songs_are_measured_beside_librosa(tmp_path: Path) -> None:
    pytest.importorskip("mir_eval")
    pytest.importorskip("librosa")
    made = song(Recipe("own", "rock", 110, seconds=15))
    wavfile.write(tmp_path / "own.wav", 24_000, made.samples)
    np.savetxt(tmp_path / "own.beats", made.beats_s)
    report = bench_beats(tmp_path)
    assert report["mean"][OURS]["F"] > 0.9
    assert 0 <= report["mean"][RIVAL]["AMLt"] <= 1
    assert "own" in describe(report)


def test_a_folder_without_songs_is_told(tmp_path: Path) -> None:
    pytest.importorskip("mir_eval")
    pytest.importorskip("librosa")
    with pytest.raises(InputError, match="found none"):
        bench_beats(tmp_path)


def test_a_song_without_its_beats_is_told(tmp_path: Path) -> None:
    pytest.importorskip("mir_eval")
    pytest.importorskip("librosa")
    wavfile.write(tmp_path / "own.wav", 24_000, np.zeros(24_000, np.int16))
    with pytest.raises(InputError, match=r"own\.beats.*write down the beats"):
        bench_beats(tmp_path)
