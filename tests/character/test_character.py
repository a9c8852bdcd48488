import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_protocol.channels import EMOTIONS, GESTURES
from idol_runtime.character import (
    BUILT_IN,
    DEFAULT_CHARACTER,
    Motion,
    find_character,
    load_character,
)
from idol_runtime.errors import ConfigError

GOOD = 'name = "Ren"\npersona = "You are Ren."\n'


def write(folder: Path, text: str) -> Path:
    (folder / "character.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("folder", sorted(BUILT_IN.iterdir()), ids=lambda path: path.name)
def test_every_built_in_character_loads(folder: Path) -> None:
    character = load_character(folder)
    assert character.greeting
    assert character.emotion_vector().shape == (len(EMOTIONS),)


def test_a_built_in_character_is_found_by_name() -> None:
    assert find_character("hoshi") == DEFAULT_CHARACTER


def test_an_unknown_folder_names_the_built_in_characters(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such folder.*hoshi"):
        load_character(tmp_path / "nobody")


def test_a_folder_without_the_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none in it"):
        load_character(tmp_path)


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"valid TOML.*line 3"):
        load_character(write(tmp_path, GOOD + "voice = = 3\n"))


def test_an_unknown_key_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"greating.*did you mean greeting; known keys here"):
        load_character(write(tmp_path, GOOD + 'greating = "Hi"\n'))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[voice]\nnmae = "x"', "voice.nmae: expected a known key; did you mean name"),
        (
            "[motion]\nstyle_sed = 3",
            "motion.style_sed: .*did you mean style_seed",
        ),
        ('[models]\nspeach = "x"', "models.speach: expected a known key; did you mean speech"),
        ("[sampling]\ntop-p = 0.9", "sampling.top-p: expected a known key; did you mean top_p"),
        ('[[examples]]\nuser = "a"\nreplly = "b"', "did you mean reply"),
        ("[emotion]\nhapy = 0.5", "emotion: .*found hapy; did you mean happy"),
        ('gestures = ["wafe"]', "gestures: .*found wafe; did you mean wave"),
    ],
)
def test_the_nearest_name_is_suggested_at_every_level(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_character(write(tmp_path, GOOD + text + "\n"))


def test_a_misspelt_table_of_examples_is_suggested_by_its_place(tmp_path: Path) -> None:
    text = GOOD + '[[examples]]\nuser = "a"\nreply = "b"\n[[examples]]\nusr = "a"\n'
    with pytest.raises(ConfigError, match=r"examples\[1\]\.usr: .*did you mean user"):
        load_character(write(tmp_path, text))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[emotion]\nhappy = 2.0", "emotion.happy from 0 to 1"),
        ("[emotion]\nvalence = -2.0", "emotion.valence from -1 to 1"),
        ("[emotion]\nhungry = 0.2", "found hungry"),
        (
            'gestures = ["wave", "moonwalk"]',
            "gestures: .* among wave, bow, .*, found moonwalk",
        ),
        ("[voice]\nspeed = 9.0", "voice.speed: expected a number from 0.5 to 2, found 9"),
        ("[motion]\nstyle = [1.0, 2.0]", "16 numbers in motion.style, found 2"),
        (f"[motion]\nstyle = {[0.5] * 15 + [float('inf')]}", "finite numbers in motion.style"),
        (
            "[motion]\nstyle_seed = -1",
            "style_seed: expected a whole number from 0, found -1",
        ),
        (f"[motion]\nstyle = {[0.5] * 16}\nstyle_tags = ['calm']", "found both"),
        ('[motion]\nstyle_tags = "calm"', "style_tags"),
        ('[voice]\nspeed = "fast"', "voice.speed"),
        ("[sampling]\ntemperature = -0.1", "sampling.temperature: expected a number from 0 to 5"),
        ("[sampling]\nmax_tokens = 0", "sampling.max_tokens: expected a whole number from 1"),
        ('examples = "none"', r"examples: expected tables that begin with \[\[examples\]\]"),
        ('[emotion]\nhappy = "very"', 'emotion.happy: expected a number, found "very"'),
    ],
)
def test_a_value_out_of_range_is_named(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_character(write(tmp_path, GOOD + line + "\n"))


def test_an_empty_persona_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a name and a persona"):
        load_character(write(tmp_path, 'name = "Ren"\npersona = " "\n'))


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "character.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(ConfigError, match="readable UTF-8"):
        load_character(tmp_path)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_character_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "character.toml").write_bytes(data)
    with pytest.raises(ConfigError, match=r"\.$"):
        load_character(folder)


def test_a_style_is_asked_for_by_seed_and_tags(tmp_path: Path) -> None:
    text = GOOD + '[motion]\nstyle_seed = 3\nstyle_tags = ["calm", "shy"]\n'
    assert load_character(write(tmp_path, text)).motion == Motion(3, ["calm", "shy"])


def test_all_gestures_are_allowed_unless_a_character_says_which(tmp_path: Path) -> None:
    assert load_character(write(tmp_path, GOOD)).gestures == GESTURES
    some = load_character(write(tmp_path, GOOD + 'gestures = ["nod", "bow"]\n'))
    assert some.gestures == ("nod", "bow")


def glb(*, magic: bytes = b"glTF", version: int = 2, missing: int = 0) -> bytes:
    """A glTF binary without content; `missing` bytes are cut off its end."""
    return (struct.pack("<4sII", magic, version, 20) + bytes(8))[: 20 - missing]


def test_every_built_in_character_brings_its_avatar() -> None:
    hoshi = load_character(DEFAULT_CHARACTER)
    assert hoshi.avatar == str(DEFAULT_CHARACTER / "hoshi.vrm")


@pytest.mark.parametrize("avatar", ["aki.vrm", "looks/aki.glb", "./looks/../aki.vrm"])
def test_an_avatar_is_any_glb_in_the_folder(tmp_path: Path, avatar: str) -> None:
    folder = tmp_path / "aki"
    (folder / "looks").mkdir(parents=True)
    (folder / avatar).write_bytes(glb())
    character = load_character(write(folder, GOOD + f'avatar = "{avatar}"\n'))
    assert character.avatar == str((folder / avatar).resolve())


def test_a_character_needs_no_avatar(tmp_path: Path) -> None:
    assert load_character(write(tmp_path, GOOD)).avatar is None


@pytest.mark.parametrize("avatar", ["../aki.vrm", "{outside}", "link.vrm", "looks/../../aki.vrm"])
def test_an_avatar_outside_the_folder_is_refused(tmp_path: Path, avatar: str) -> None:
    outside = tmp_path / "aki.vrm"
    outside.write_bytes(glb())
    folder = tmp_path / "aki"
    (folder / "looks").mkdir(parents=True)
    (folder / "link.vrm").symlink_to(outside)
    line = f'avatar = "{avatar.format(outside=outside)}"\n'
    with pytest.raises(ConfigError, match=r"toml: expected an avatar in the .* own folder.*\.$"):
        load_character(write(folder, GOOD + line))


@pytest.mark.parametrize("avatar", ["none.vrm", "looks", "", "a\\u0000b", "x" * 300])
def test_an_avatar_that_cannot_be_read_is_one_sentence(tmp_path: Path, avatar: str) -> None:
    (tmp_path / "looks").mkdir()
    with pytest.raises(ConfigError, match=r"toml: expected a VRM file at [^\n]*\.$"):
        load_character(write(tmp_path, GOOD + f'avatar = "{avatar}"\n'))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"glTF",
        b"not a model at all",
        glb(magic=b"gLTF"),
        glb(version=1),
        glb(missing=1),
    ],
)
def test_an_avatar_that_is_no_whole_glb_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "aki.vrm").write_bytes(content)
    with pytest.raises(ConfigError, match=r"expected a whole glTF 2\.0 binary.*aki\.vrm.*\.$"):
        load_character(write(tmp_path, GOOD + 'avatar = "aki.vrm"\n'))


@pytest.mark.parametrize("kind", ["face", "pose"])
def test_a_bundle_of_its_own_is_found_in_the_characters_folder(tmp_path: Path, kind: str) -> None:
    (tmp_path / "my_bundle").mkdir()
    (tmp_path / "my_bundle" / "manifest.json").write_text(f'{{"kind": "{kind}"}}')
    character = load_character(write(tmp_path, GOOD + f'[models]\n{kind} = "my_bundle"\n'))
    assert getattr(character.models, kind) == str(tmp_path / "my_bundle")


def test_without_a_bundle_of_its_own_a_character_names_none(tmp_path: Path) -> None:
    models = load_character(write(tmp_path, GOOD)).models
    assert (models.face, models.pose) == (None, None)


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (None, "expected a face bundle with its manifest.json in .*, but: No such file"),
        ('{"kind": "pose"}', "expected a face bundle as models.face, found one of kind `pose`"),
        ('{"kind": ', "expected a face bundle with its manifest.json"),
        ("{}", "expected a face bundle with its manifest.json"),
    ],
)
def test_a_bundle_that_is_missing_or_of_another_kind_is_refused(
    tmp_path: Path, manifest: str | None, says: str
) -> None:
    if manifest is not None:
        (tmp_path / "my_face").mkdir()
        (tmp_path / "my_face" / "manifest.json").write_text(manifest)
    with pytest.raises(ConfigError, match=says):
        load_character(write(tmp_path, GOOD + '[models]\nface = "my_face"\n'))


def test_a_bundle_whose_name_is_no_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a face bundle"):
        load_character(write(tmp_path, GOOD + '[models]\nface = "a\\u0000b"\n'))
