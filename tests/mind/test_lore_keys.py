import re

from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.mind.lore_keys import Keys, as_scanned

TEXT = st.text("abA é_-+.\n", max_size=14)


@given(st.lists(TEXT, max_size=3), TEXT, st.booleans(), st.booleans())
def test_a_key_comes_up_where_an_expression_for_it_would_find_it(
    keys: list[str], text: str, is_case_sensitive: bool, whole_words: bool
) -> None:
    """The short ways (words that are looked up, words that are missing) change nothing."""

    def is_found(key: str) -> bool:
        pattern = r"\s+".join(map(re.escape, key.split()))
        if whole_words:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        flags = re.NOFLAG if is_case_sensitive else re.IGNORECASE
        return bool(key.strip()) and re.search(pattern, text, flags) is not None

    found = Keys(
        keys, is_case_sensitive=is_case_sensitive, whole_words=whole_words, are_regex=False
    ).are_in(as_scanned(text))
    assert found == any(map(is_found, keys))


def test_only_the_newest_part_of_an_endless_text_is_looked_at() -> None:
    keys = Keys(["first", "last"], is_case_sensitive=False, whole_words=True, are_regex=False)
    assert keys.are_in(as_scanned("first " + "x " * 9_000))
    assert not keys.are_in(as_scanned("first " + "x " * 11_000))
    assert keys.are_in(as_scanned("x " * 11_000 + "last"))
