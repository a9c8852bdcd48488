import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.character.decorators import Decorators, read_decorators


@pytest.mark.parametrize(
    ("text", "means", "rest"),
    [
        ("Plain.", Decorators(), "Plain."),
        ("@@depth 4\n@@role user\n\nPsst.", Decorators(depth=4, role="user"), "Psst."),
        ("@@depth 4\n@@depth 9\nA", Decorators(depth=4), "A"),
        ("@@activate\n@@dont_activate", Decorators(activate=True, dont_activate=True), ""),
        ("@@other 1\n@@@another 2\n@@@activate_only_after 3\nA", Decorators(activate_only_after=3),
         "A"),
        ("@@scan_depth 2\n@@@depth 5\nA", Decorators(scan_depth=2), "A"),
        ("@@depth many\n@@@depth 1\nA", Decorators(depth=1), "A"),
        ("@@additional_keys a, b ,\n@@exclude_keys c\nA",
         Decorators(additional_keys=("a", "b"), exclude_keys=("c",)), "A"),
        ("@@position after_desc\nA", Decorators(in_persona=True), "A"),
        ("@@activate_only_every 0\nA", Decorators(activate_only_every=1), "A"),
        ("A\n@@depth 3", Decorators(), "A\n@@depth 3"),
    ],
)  # fmt: skip
def test_decorators_are_read_and_taken_off(text: str, means: Decorators, rest: str) -> None:
    assert read_decorators(text) == (means, rest)


@given(st.text("@adeptholr_ 1\n", max_size=60))
def test_no_text_makes_trouble(text: str) -> None:
    _, rest = read_decorators(text)
    assert rest in text
