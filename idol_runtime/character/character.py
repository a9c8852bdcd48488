"""What `character.toml` holds; docs/character_toml.md is made from these structs."""

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta
from msgspec.structs import replace
from numpy.typing import NDArray

from idol_protocol.channels import EMOTIONS, GESTURES, LOWEST_EMOTIONS
from idol_runtime.character.actions import Action, checked_actions
from idol_runtime.character.http_mind import HttpMind, http_mind, is_address
from idol_runtime.character.lore import LoreEntry, LoreFile, LoreSettings
from idol_runtime.character.macros import expand, expand_spoken
from idol_runtime.character.recall import RecallLines
from idol_runtime.character.scripted import ScriptedLines
from idol_runtime.character.toml_table import nearest, read_toml, struct_of
from idol_runtime.errors import ConfigError

CHARACTER_FILE = "character.toml"
LORE_FILE = "lore.toml"
BUILT_IN = Path(__file__).parents[1] / "characters"
DEFAULT_CHARACTER = BUILT_IN / "hoshi"
STYLE_SIZE = 16
DEFAULT_DIALOGUE = "idol-0.5b"
SMALL_DIALOGUE = "smollm2-135m-instruct"
"""For machines with little memory: less than half of the default's."""
OPENAI_PREFIX = "gpt-"
"""Clients that know nothing of characters ask for a model of such a name and meet the first one."""
GLB_HEADER = struct.Struct("<4sII")
"""Of a glTF binary, VRM files included: `glTF`, the version and the length of the whole file."""


class VoiceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it sounds."""

    name: str = ""
    """A voice of the speech model, or with Kokoro a blend such as `af_heart:0.6+bf_emma:0.4`;
    empty for the model's own choice."""
    speed: Annotated[float, Meta(ge=0.5, le=2)] = 1.0
    """1 is the voice's own pace."""
    by_language: dict[str, str] = {}
    """The voice for another language that is spoken, such as `ja = "jf_alpha"`; without one the
    speech model takes a voice of the same kind."""


class Motion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How large and how lively the face and the body move."""

    style_seed: Annotated[int, Meta(ge=0)] = 0
    """Draws the style code."""
    style_tags: list[str] = []
    """What the drawn style is to be, such as `cheerful` or `lively`; the face bundle says which
    tags it knows (`style_tags` in its manifest)."""
    style: list[float] | None = None
    """The style code itself, 16 numbers around 0; takes the place of seed and tags."""


class ModelNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What gives it words, a voice, a face and a body."""

    dialogue: str = DEFAULT_DIALOGUE
    """A dialogue model of the store (in the catalog, or imported by `idol models import`), or the
    folder of a bundle of its own, relative to the character's, such as `./my_dialogue`, or the
    address of a server, such as `http://localhost:8080/v1` (see `models.http`)."""
    http: HttpMind = HttpMind()
    speech: str = "kokoro-82m"
    """The same for its voice."""
    face: str | None = None
    """The folder of a face bundle, relative to the character's; without one the bundle that ships
    with the package moves it."""
    pose: str | None = None
    """The same for its body."""


class Sampling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the character changes of the dialogue model's own sampling defaults."""

    temperature: Annotated[float, Meta(ge=0, le=5)] | None = None
    """How freely words are chosen; 0 always takes the likeliest."""
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    """Words are chosen among the likeliest that together are as likely as this."""
    top_k: Annotated[int, Meta(ge=0)] | None = None
    """Words are chosen among so many of the likeliest; 0 for all."""
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    """What is less likely than this share of the likeliest is never chosen."""
    repetition_penalty: Annotated[float, Meta(ge=1, le=5)] | None = None
    """Makes words that were just used less likely; 1 does nothing."""
    presence_penalty: Annotated[float, Meta(ge=-2, le=5)] | None = None
    """Makes every word that the answer has already less likely; 0 does nothing."""
    frequency_penalty: Annotated[float, Meta(ge=-2, le=5)] | None = None
    """The same, for each time that the answer has it."""
    dry_multiplier: Annotated[float, Meta(ge=0, le=100)] | None = None
    """Makes going on with a phrase as it went on before less likely, in the same answer and as in
    earlier ones, more with every word of it; 0 does nothing."""
    enough_tokens: Annotated[int, Meta(ge=0)] | None = None
    """An answer of so many tokens ends with its sentence; 0 lets it go on."""
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    """An answer ends after so many tokens at the latest."""


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An exchange that shows how the character talks; small models follow it best. The dialogue
    model reads it before every conversation, as if it had been said in it.
    """

    user: str
    """What somebody says."""
    reply: str
    """What the character answers."""


class MoodSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How what is said to it changes how it feels, and how it likes whoever says it."""

    sensitivity: Annotated[float, Meta(ge=0, le=3)] = 1.0
    """How much; 0 for a character that nothing moves."""
    half_life_s: Annotated[float, Meta(ge=1)] = 600.0
    """In how many seconds half of a mood has worn off."""


class WorldSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a game tells of its world by `idol.world.update`."""

    token_budget: Annotated[int, Meta(ge=0)] = 300
    """About how many tokens of it are told before each answer; the newest facts are kept."""


class _Manifest(msgspec.Struct, frozen=True):
    """What is read of a bundle before it is opened."""

    kind: str


class Character(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands above all tables."""

    name: str
    """What it is called."""
    persona: str
    """Who it is: what the dialogue model reads before every conversation. In all texts `{{char}}`
    is its name and `{{user}}` whoever it talks with."""
    examples: list[Example] = []
    greeting: str = ""
    """Said when a conversation begins without the user having said anything."""
    alternate_greetings: list[str] = []
    """Others; each time one of all of them is drawn."""
    reminder: str = ""
    """What the dialogue model reads right before every answer; best one short sentence."""
    language: str = "en-us"
    """BCP 47; Kokoro speaks `en-us`, `en-gb`, `ja` and `zh`, the last two with an extra each."""
    languages: list[str] | None = None
    """In which others it answers whoever speaks them, as `es`; without this in all that its voice
    speaks, and in text in any."""
    voice: VoiceSettings = VoiceSettings()
    avatar: str | None = None
    """The VRM file that the stage page shows, relative to the character's folder and inside it."""
    emotion: dict[str, float] = {}
    """The baseline of what it feels, where its emotions come back to: any of `valence` and
    `arousal` from -1 to 1, and the other names from 0 to 1."""
    motion: Motion = Motion()
    gestures: tuple[str, ...] = GESTURES
    """What the body may do when a reply asks for it (`[wave]`)."""
    actions: list[Action] = []
    """What it can do beyond its body; clients may declare more (`session.tools`)."""
    audience: Literal["everyone", "host"] = "everyone"
    """Who may speak to it where it is shared: every session, or those of its host alone."""
    models: ModelNames = ModelNames()
    sampling: Sampling = Sampling()
    mood: MoodSettings = MoodSettings()
    world: WorldSettings = WorldSettings()
    lines: ScriptedLines = ScriptedLines()
    memory: RecallLines = RecallLines()
    lorebook: LoreSettings = LoreSettings()
    lore: list[LoreEntry] = []
    repeats: bool = False
    """Whether it may say again what it said, and give the user's own words back, as a parrot does;
    otherwise such sentences are left out, and another answer is asked for where nothing is left."""

    def emotion_vector(self) -> NDArray[np.float32]:
        """Shape (8,), in `EMOTIONS` order."""
        return np.array([self.emotion.get(name, 0.0) for name in EMOTIONS], np.float32)


def load_character(folder: Path) -> Character:
    """Reads a character's folder; its avatar, face and pose come back as absolute paths.

    Raises:
        ConfigError: no such folder or file, broken TOML, an unknown key, a value out of range,
            an avatar that is no glTF binary in that folder, or a face or pose that is no bundle of
            that kind.
    """
    path = folder / CHARACTER_FILE
    character = _named(_with_lore(folder, read_character(folder)))
    _check(path, character)
    character = replace(
        character, actions=list(checked_actions(character.actions, f"{path}: actions"))
    )
    if character.avatar is not None:
        character = replace(character, avatar=str(_avatar(path, character.avatar)))
    character = replace(
        character,
        models=replace(
            character.models, http=http_mind(path, character.models.dialogue, character.models.http)
        ),
    )
    own = {
        kind: _own_bundle(path, kind, name)
        for kind in ("dialogue", "speech", "face", "pose")
        if (name := getattr(character.models, kind)) is not None
        and (kind in ("face", "pose") or "/" in name or "\\" in name)
        and not (kind == "dialogue" and is_address(name))
    }
    return replace(character, models=replace(character.models, **own))


def with_small_mind(character: Character) -> Character:
    """The same character with the smallest dialogue model there is, whatever it names."""
    small = replace(character.models, dialogue=SMALL_DIALOGUE, http=HttpMind())
    return replace(character, models=small)


def read_character(folder: Path) -> Character:
    """What `character.toml` itself says: macros and relative paths as they stand there.

    Raises:
        ConfigError: no such folder or file, broken TOML, an unknown key, a value out of range.
    """
    path = folder / CHARACTER_FILE
    if not path.is_file():
        raise ConfigError(
            f"{folder}: expected a character folder with a {CHARACTER_FILE}, found "
            f"{'no such folder' if not folder.exists() else 'none in it'}; built-in characters "
            f"are {', '.join(sorted(path.parent.name for path in BUILT_IN.glob('*/*.toml')))}."
        )
    return struct_of(read_toml(path), Character, path)


def read_lore(folder: Path, character: Character) -> LoreFile:
    """The lore that `character.toml` and `lore.toml` hold together."""
    path = folder / LORE_FILE
    own = LoreFile(character.lore, character.lorebook)
    if not path.is_file():
        return own
    found = struct_of(read_toml(path), LoreFile, path)
    settings = own.lorebook if found.lorebook == LoreSettings() else found.lorebook
    return LoreFile([*own.lore, *found.lore], settings)


def _with_lore(folder: Path, character: Character) -> Character:
    found = read_lore(folder, character)
    return replace(character, lore=found.lore, lorebook=found.lorebook)


def _named(character: Character) -> Character:
    """With names in place of macros; lore is left for when the user's is known."""
    name = character.name
    return replace(
        character,
        persona=expand(character.persona, name),
        reminder=expand(character.reminder, name),
        greeting=expand_spoken(character.greeting, name),
        alternate_greetings=[expand_spoken(each, name) for each in character.alternate_greetings],
        examples=[
            Example(expand_spoken(each.user, name), expand_spoken(each.reply, name))
            for each in character.examples
        ],
    )


def _own_bundle(path: Path, kind: str, name: str) -> str:
    """The absolute folder of a bundle that a character names; its files are checked when opened."""
    try:
        folder = (path.parent / name).resolve()
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=_Manifest)
    except (OSError, ValueError, msgspec.DecodeError) as error:  # ValueError: a null byte
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(
            f"{path}: expected a {kind} bundle with its manifest.json in {path.parent / name}, "
            f"but: {reason}; mend models.{kind}, or leave it out."
        ) from None
    if manifest.kind != kind:
        raise ConfigError(
            f"{path}: expected a {kind} bundle as models.{kind}, found one of kind "
            f"`{manifest.kind}` in {folder}; name another folder."
        )
    return str(folder)


def find_character(name_or_folder: str) -> Path:
    """A built-in character's name, or the path of a folder."""
    built_in = BUILT_IN / name_or_folder
    if name_or_folder and "/" not in name_or_folder and built_in.is_dir():
        return built_in
    return Path(name_or_folder)


def _check(path: Path, character: Character) -> None:
    if not character.name.strip() or not character.persona.strip():
        raise ConfigError(f"{path}: expected a name and a persona, found an empty one; fill it in.")
    _check_names(path, "emotion", character.emotion, EMOTIONS)
    for name, value in character.emotion.items():
        lowest = LOWEST_EMOTIONS[name]
        if not lowest <= value <= 1.0:
            raise ConfigError(
                f"{path}: expected emotion.{name} from {lowest:g} to 1, found {value:g}."
            )
    _check_names(path, "gestures", character.gestures, GESTURES)
    _check_motion(path, character.motion)


def _check_names(path: Path, key: str, names: Iterable[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{path}: {key}: expected names among {', '.join(known)}, found {name}"
                f"{nearest(name, list(known)) or '; take it out'}."
            )


def _avatar(path: Path, avatar: str) -> Path:
    """The absolute path of a VRM file that a character names."""
    folder = path.parent.resolve()
    try:
        file = (folder / avatar).resolve()
        if not file.is_relative_to(folder):
            raise ConfigError(
                f"{path}: expected an avatar in the character's own folder, found {avatar}; copy "
                "the file there."
            )
        with file.open("rb") as opened:
            head = opened.read(GLB_HEADER.size)
        size = file.stat().st_size
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(
            f"{path}: expected a VRM file at {folder / avatar}, but: {reason}; mend `avatar`, or "
            "leave it out."
        ) from None
    if head[:4] != b"glTF" or GLB_HEADER.unpack(head.ljust(12, b"\0"))[1:] != (2, size):
        raise ConfigError(
            f"{path}: expected a whole glTF 2.0 binary as avatar, such as a VRM file, found "
            f"{avatar}, which is none or is cut short; export it again."
        )
    return file


def _check_motion(path: Path, motion: Motion) -> None:
    if motion.style is None:
        return
    if len(motion.style) != STYLE_SIZE:
        raise ConfigError(
            f"{path}: expected {STYLE_SIZE} numbers in motion.style, found {len(motion.style)}."
        )
    if not np.isfinite(motion.style).all():
        raise ConfigError(f"{path}: expected finite numbers in motion.style, found inf or nan.")
    if motion.style_tags:
        raise ConfigError(
            f"{path}: expected motion.style or motion.style_tags, found both; the code is the "
            "style already, take one of them out."
        )
