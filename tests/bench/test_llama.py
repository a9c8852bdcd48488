from pathlib import Path

import pytest

from idol_runtime.dialogue.importer import import_gguf
from idol_runtime.store import default_store
from tests.bench.llama import NEW, Rivals
from tests.llama.real import needs_llama

pytestmark = [pytest.mark.models, needs_llama]


def test_both_engines_read_and_write_the_same_number_of_tokens(tmp_path: Path) -> None:
    [file] = default_store().pull("smollm2-135m-instruct").glob("*.gguf")
    import_gguf(file, tmp_path / "bundle", name="smollm2")
    rivals = Rivals(file, tmp_path / "bundle", threads=1)
    mine, theirs = rivals.sessions(2)
    assert mine.tokens == theirs.tokens
    assert 2 <= mine.tokens <= 2 * NEW
    assert len(mine.first_s) == len(theirs.first_s) == 2
    assert min(*mine.gaps_s, *theirs.gaps_s) >= 0
