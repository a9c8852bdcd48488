"""What a dialogue is trained on: conversations drawn from screenplays, packed into forests."""

import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from training.dialogue.augment import Examples, varied
from training.dialogue.chat_ids import ChatIds, Message
from training.dialogue.forest import Forest
from training.dialogue.placeholders import Values, draw, exchanges_of, read_values
from training.dialogue.prompts import Scene, answers, grow, note, plant, spoken
from training.dialogue.scenes import PreferencePair, Screenplay, ScreenplayError, Talk
from training.dialogue.screenplay import read_folder
from training.dialogue.settings import DialogueSettings
from training.ingest.card import read_card
from training.ingest.shipping import Seen

OWN_DATA: Final = Path(__file__).parent / "data"
Part: TypeAlias = Literal["train", "heldout", "pairs"]


class Preferred(NamedTuple):
    """Which replies of a forest are preferred to which, by their numbers."""

    good: list[int]
    bad: list[int]


class DrawnStep(NamedTuple):
    talks: Forest
    pairs: Forest
    preferred: Preferred


@dataclass(frozen=True, slots=True)
class OwnWords:
    """A character as its file has it."""

    persona: str
    examples: tuple[tuple[str, str], ...]


class DialogueMaterial:
    """Draws steps; the same random state draws the same step."""

    def __init__(self, settings: DialogueSettings, chat: ChatIds) -> None:
        """Raises SystemExit where the data are missing or do not fit."""
        self.settings, self.chat = settings, chat
        folder = Path(settings.data) if settings.data else OWN_DATA
        self.folder = folder
        self.train, self.heldout, self.pairs = (
            _part(folder, "train"),
            _part(folder, "heldout"),
            _part(folder, "pairs"),
        )
        self.values = read_values(folder / "values.txt")
        personas = self.train.personas
        self.heldout = replace(self.heldout, personas=personas | self.heldout.personas)
        self.pairs = replace(self.pairs, personas=personas | self.pairs.personas)
        self.examples = Examples(self.train)
        self.characters = {Path(each).name: _own_words(Path(each)) for each in settings.characters}
        if not self.train.talks:
            raise SystemExit(f"{folder / 'train'}: expected talks to learn from, found none.")

    @property
    def seen(self) -> Seen:
        files = sorted(path.stem for path in (self.folder / "train").glob("*.txt"))
        return Seen((read_card(self.folder),), tuple(files))

    def draw(self, seed: int) -> DrawnStep:
        """A step of training."""
        rng = random.Random(seed)
        talks, pairs = Forest(), Forest()
        preferred = Preferred([], [])
        wanted = self.settings.tokens
        if self.settings.preference_weight and self.pairs.pairs:
            paired = round(wanted * self.settings.preference_share)
            while pairs.tokens < paired:
                self._plant_pair(pairs, preferred, rng.choice(self.pairs.pairs), rng)
            wanted -= paired if self.settings.reply_weight else wanted
        while talks.tokens < wanted:
            scene = self.scene(self.train, rng.choice(self.train.talks), rng)
            plant(talks, self.chat, scene, longest=self.settings.longest)
        return DrawnStep(talks, pairs, preferred)

    def held_out(self) -> Iterator[Forest]:
        """The conversations of validation: always the same, each talk as often as any other."""
        rng = random.Random(self.settings.seed)
        talks = list(self.heldout.talks)
        rng.shuffle(talks)
        left = self.settings.validation_tokens
        while left > 0 and talks:
            forest = Forest()
            while talks and forest.tokens < self.settings.tokens:
                scene = self.scene(self.heldout, talks.pop(), rng)
                plant(forest, self.chat, scene, longest=self.settings.longest)
            left -= forest.tokens
            yield forest

    def scene(self, play: Screenplay, talk: Talk, rng: random.Random) -> Scene:
        settings = self.settings.augment
        drawn = draw(talk, play.personas, self.values, rng)
        own = self.characters.get(talk.persona)
        scene = Scene(drawn.persona, drawn.actions, (), drawn.exchanges)
        if own is not None and rng.random() < self.settings.characters_share:
            scene = replace(scene, persona=own.persona, examples=own.examples)
        elif settings.examples and rng.random() < settings.examples_share:
            sheet = play.personas[talk.persona]
            shown = self.examples.draw(sheet, drawn.name, settings.examples, rng)
            scene = replace(scene, examples=shown)
        return varied(scene, settings, rng)

    def _plant_pair(
        self, forest: Forest, preferred: Preferred, pair: PreferencePair, rng: random.Random
    ) -> None:
        scene, good, bad = self.paired(pair, rng)
        trunk = grow(forest, self.chat, None, scene.opening())
        for exchange in scene.exchanges[:-1]:
            trunk = grow(forest, self.chat, trunk, (spoken(exchange), *answers(exchange)))
        last = scene.exchanges[-1]
        trunk = grow(forest, self.chat, trunk, [*note(last.notes), spoken(last), *answers(last)])
        numbers = []
        for reply in (good, bad):
            node = grow(forest, self.chat, trunk, [Message("assistant", reply)], is_learnt=True)
            numbers.append(forest.replies.index(node))
        preferred.good.append(numbers[0])
        preferred.bad.append(numbers[1])

    def paired(self, pair: PreferencePair, rng: random.Random) -> tuple[Scene, str, str]:
        """The history of a pair, its good reply and one of the bad ones."""
        if pair.persona not in self.pairs.personas:
            raise ScreenplayError(f"@pair {pair.persona}: no @persona {pair.persona} is written")
        sheet = self.pairs.personas[pair.persona]
        values = Values({**self.values, **sheet.values, **pair.values}, rng, sheet.lang)
        values.let("self", rng.choice(sheet.names))
        persona = values.fill(rng.choice(sheet.texts))
        actions = tuple(values.fill(action) for action in sheet.actions)
        exchanges = exchanges_of(pair.beats, values, rng)
        scene = Scene(persona, actions, (), exchanges)
        good, (_, bad) = rng.choice(pair.good), rng.choice(pair.bad)
        return scene, values.fill(good), values.fill(bad)


def _part(folder: Path, part: Part) -> Screenplay:
    try:
        return read_folder(folder / part)
    except ScreenplayError as error:
        raise SystemExit(f"{folder / part}: {error}") from None


def _own_words(folder: Path) -> OwnWords:
    path = folder / "character.toml"
    try:
        table: Mapping[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SystemExit(f"{path}: expected a character's file, but {error}.") from None
    shown: Sequence[Mapping[str, str]] = table.get("examples", [])
    examples = tuple((each["user"], each["reply"]) for each in shown)
    return OwnWords(table["persona"].strip(), examples)
