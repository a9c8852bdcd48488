"""Counts of the conversations, and what is wrong with them: `python -m training.dialogue.check`."""

import argparse
import dataclasses
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from training.dialogue.cue_syntax import ActionCall, read_reply
from training.dialogue.placeholders import Values, draw, exchanges_of, read_values
from training.dialogue.scenes import PersonaSheet, Screenplay, ScriptLine, Talk
from training.dialogue.screenplay import read_folder

DATA: Final = Path(__file__).parent / "data"
LONGEST_WORDS: Final = 45
_OPEN: Final = re.compile(r"\{[a-z]+\d*[-+*\w]*\}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    lists = read_values(arguments.data / "values.txt")
    faults: list[str] = []
    for part in ("train", "heldout", "eval", "pairs", "judged"):
        play = read_part(part, arguments.data)
        faults += [f"{part}: {fault}" for fault in faults_of(play, lists)]
        _print_counts(part, play)
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


def read_part(part: str, data: Path = DATA) -> Screenplay:
    """A folder of the data; pairs and labels are spoken by the personas of `train`."""
    play = read_folder(data / part)
    if part in ("pairs", "judged"):
        personas = read_folder(data / "train").personas | play.personas
        play = dataclasses.replace(play, personas=personas)
    return play


def faults_of(play: Screenplay, lists: dict[str, tuple[str, ...]]) -> list[str]:
    """What a file of conversations must not hold, a line each."""
    return [
        *_faults_of_cues(play),
        *_repetitions(play),
        *_other_scripts(play),
        *_faults_of_placeholders(play, lists),
    ]


def good_replies(play: Screenplay) -> Iterator[tuple[PersonaSheet, str]]:
    """Every wording of every reply that is to be learned, placeholders read as words."""
    for talk in play.talks:
        for beat in talk.beats:
            if beat.kind == "A":
                yield from ((play.personas[talk.persona], _plain(text)) for text in beat.texts)
    for pair in play.pairs:
        yield from ((play.personas[pair.persona], _plain(text)) for text in pair.good)


def _plain(text: str) -> str:
    return _OPEN.sub("Word", re.sub(r"(?<=: )\{[a-z]+\d*\}", "3", text))


def _faults_of_cues(play: Screenplay) -> Iterator[str]:
    for sheet, text in good_replies(play):
        reply = read_reply(text, [action.split(" ", 1)[0] for action in sheet.actions], sheet.names)
        yield from (f"{fault}: {text}" for fault in reply.faults)
        if reply.calls:
            yield from _faults_of_calls(sheet, reply.calls)
        if not text.startswith("["):
            yield f"a reply begins with an emotion: {text}"
        if words_of(reply.speech) > LONGEST_WORDS:
            yield f"more than {LONGEST_WORDS} words: {text}"


def _faults_of_calls(sheet: PersonaSheet, calls: Sequence[ActionCall]) -> Iterator[str]:
    """Arguments that the declared shape does not hold."""
    shapes = {action.split(" ", 1)[0]: action for action in sheet.actions}
    for call in calls:
        declared = set(re.findall(r'"(\w+)":', shapes.get(call.name, "")))
        if set(call.arguments) != declared:
            yield f"{call.name} of {sheet.id} takes {sorted(declared)}, not {call.arguments}"


def _repetitions(play: Screenplay) -> Iterator[str]:
    seen: Counter[str] = Counter(read_reply(text).speech for _, text in good_replies(play))
    yield from (f"said {count} times: {text}" for text, count in seen.items() if count > 1)


def _other_scripts(play: Screenplay) -> Iterator[str]:
    """Replies in signs that their language is not written with."""
    for talk in play.talks:
        language = language_of(talk, play.personas)
        if "mixed" in talk.tags:
            continue
        for text in (text for beat in talk.beats if beat.kind == "A" for text in beat.texts):
            said = read_reply(_plain(text)).speech
            kana = re.search(r"[\u3040-\u30ff]", said) is not None
            han = re.search(r"[\u4e00-\u9fff]", said) is not None
            as_it_is = (kana, han) if language in ("ja", "zh") else (kana or han, False)
            due = {"ja": ((True, True), (True, False)), "zh": ((False, True),)}
            if as_it_is not in due.get(language, ((False, False),)):
                yield f"not written as {language} is: {text}"


def language_of(talk: Talk, personas: dict[str, PersonaSheet]) -> str:
    """That of its tag `lang:ja`, else the persona's."""
    marked = next((tag[5:] for tag in talk.tags if tag[:5] == "lang:"), "")
    return marked or personas[talk.persona].lang


def _faults_of_placeholders(play: Screenplay, lists: dict[str, tuple[str, ...]]) -> Iterator[str]:
    rng = random.Random(0)
    for talk in play.talks:
        for _ in range(3):
            drawn = draw(talk, play.personas, lists, rng)
        if any("{" in exchange.said for exchange in drawn.exchanges):
            yield f"a placeholder is left open in {drawn.exchanges[0].said}"
    scenes: list[tuple[str, Sequence[ScriptLine], Sequence[str]]] = [
        *(
            (pair.persona, pair.beats, (*pair.good, *(text for _, text in pair.bad)))
            for pair in play.pairs
        ),
        *((script.persona, script.beats, ()) for script in play.scripts),
        *((label.persona, label.beats, (label.reply,)) for label in play.judged),
    ]
    for persona, beats, replies in scenes:
        sheet = play.personas[persona]
        values = Values({**lists, **sheet.values}, rng, sheet.lang)
        values.let("self", sheet.names[0])
        exchanges_of(beats, values, rng)
        for reply in replies:
            values.fill(reply)


def words_of(speech: str) -> int:
    """Words; of Chinese and Japanese, two characters are one."""
    wide = sum("\u3040" <= character <= "\u9fff" for character in speech)
    narrow = "".join(
        " " if "\u3000" <= character <= "\u9fff" else character for character in speech
    )
    return len(narrow.split()) + (wide + 1) // 2


def distinct_n(texts: Sequence[str], n: int) -> float:
    """Different n-grams per n-gram (Li et al. 2016)."""
    grams = [
        tuple(words[at : at + n])
        for words in (text.lower().split() for text in texts)
        for at in range(len(words) - n + 1)
    ]
    return len(set(grams)) / max(1, len(grams))


def _print_counts(part: str, play: Screenplay) -> None:
    replies = [read_reply(text) for _, text in good_replies(play)]
    lines = sum(beat.kind == "U" for script in play.scripts for beat in script.beats)
    lengths = sorted(words_of(reply.speech) for reply in replies)
    exchanges = [sum(beat.kind == "U" for beat in talk.beats) for talk in play.talks]
    print(
        f"{part}: {len(play.personas)} personas, {len(play.talks)} conversations "
        f"({sum(exchanges)} exchanges, {sum(count >= 20 for count in exchanges)} of 20 or more), "
        f"{len(play.scripts)} scripts ({lines} lines), {len(play.pairs)} pairs, "
        f"{len(play.judged)} labels"
    )
    if not replies:
        return
    speech = [reply.speech for reply in replies]
    asking = sum(any(mark in text for mark in "?？") for text in speech) / len(speech)
    middle, late = lengths[len(lengths) // 2], lengths[len(lengths) * 95 // 100]
    print(
        f"  {len(replies)} replies, words median {middle} p95 {late} max {lengths[-1]}, "
        f"asking {asking:.0%}, distinct-1/2/3 "
        + " ".join(f"{distinct_n(speech, n):.2f}" for n in (1, 2, 3))
    )
    felt = Counter(name for reply in replies for name in reply.emotions)
    moved = Counter(name for reply in replies for name in reply.moves)
    acted = sum(bool(reply.calls) for reply in replies)
    looked = sum(bool(reply.gazes) for reply in replies)
    languages = Counter(
        next(
            (tag[5:] for tag in talk.tags if tag.startswith("lang:")),
            play.personas[talk.persona].lang,
        )
        for talk in play.talks
    )
    print(f"  {_shares(felt)}; moves {_shares(moved)}; calls {acted}; gazes {looked}")
    print(
        f"  languages {_shares(languages)}; personas used "
        f"{len({talk.persona for talk in play.talks})}"
    )


def _shares(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


if __name__ == "__main__":
    main()
