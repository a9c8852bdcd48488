"""Writes more conversations: a bigger model answers what is asked in those that are there.

    llama-server -m QWEN_1.5B.gguf --port 8080 --parallel 8       # or any OpenAI-compatible server
    python -m training.dialogue.build --server http://localhost:8080/v1 --model teacher \
        --licence Apache-2.0 --out more --count 500
    python -m training.train_dialogue --config ... --run ... --model ... --data more

OUT becomes a folder of screenplays of its own: those of this checkout, and `train/built.txt` with
the answers that passed every filter. Each has a persona of its own, as it was drawn.
"""

import argparse
import asyncio
import random
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx

from training.dialogue.chat_ids import Message
from training.dialogue.check import words_of
from training.dialogue.cue_syntax import read_reply
from training.dialogue.material import OWN_DATA
from training.dialogue.placeholders import draw, read_values
from training.dialogue.prompts import Scene, prompt_of
from training.dialogue.screenplay import read_folder
from training.evaluation.dialogue.heard import HeardReply
from training.evaluation.dialogue.languages import language_of
from training.evaluation.dialogue.rules import NEAR, alike, faults
from training.ingest.card import CARD_FILE, DatasetCard, write_card

MOST_WORDS: Final = 40
MANNER: Final = (
    "\n\nAnswer in one or two short sentences, as spoken. Begin with one of [happy], [sad], "
    "[angry], [relaxed], [surprised], [curious]. No markdown, no quotes, no line breaks, no list."
)
"""Told to the teacher alone: what is learnt from has the prompt that the runtime has."""


@dataclass(frozen=True, slots=True)
class TeacherQuestion:
    """A place in a conversation where somebody answers."""

    scene: Scene
    name: str
    at: int

    @property
    def written(self) -> str:
        """What a person answered there."""
        return self.scene.exchanges[self.at].replies[0]

    def messages(self) -> list[Message]:
        first, *rest = prompt_of(self.scene, self.at)
        return [replace(first, content=first.content + MANNER), *rest]


def questions(data: Path, count: int, seed: int) -> list[TeacherQuestion]:
    """Drawn from the talks of a folder; places where something is done are left to people."""
    play, values = read_folder(data / "train"), read_values(data / "values.txt")
    rng = random.Random(seed)
    found: list[TeacherQuestion] = []
    while len(found) < count:
        drawn = draw(rng.choice(play.talks), play.personas, values, rng)
        at = rng.randrange(len(drawn.exchanges))
        if not drawn.exchanges[at].results:
            scene = Scene(drawn.persona, drawn.actions, (), drawn.exchanges)
            found.append(TeacherQuestion(scene, drawn.name, at))
    return found


def refusal(question: TeacherQuestion, answer: str) -> str:
    """Why an answer is not learnt from; empty for one that is."""
    read = read_reply(answer, [action.split(" ")[0] for action in question.scene.actions])
    if read.faults:
        return "not clean"
    if not read.emotions:
        return "no emotion"
    if words_of(read.speech) > MOST_WORDS:
        return "too long"
    if language_of(read.speech) != language_of(read_reply(question.written).speech):
        return "another language"
    before = [
        read_reply(reply).speech
        for exchange in question.scene.exchanges[: question.at]
        for reply in exchange.replies
    ]
    said = question.scene.exchanges[question.at].said
    found = faults(HeardReply(read.speech), name=question.name, said=said, before=before)
    if found:
        return found[0]
    if alike(answer, question.written) >= NEAR:
        return "as written"
    return ""


def block_of(question: TeacherQuestion, answer: str, number: int) -> str:
    """The conversation with this answer at its end, as a screenplay has it."""
    name = f"built_{number}"
    lines = [f"@persona {name}", f"name: {question.name}"]
    lines += [f"action: {action}" for action in question.scene.actions]
    lines += [*question.scene.persona.splitlines(), "", f"@talk {name} built"]
    for exchange in question.scene.exchanges[: question.at + 1]:
        lines += [f"N: {note}" for note in exchange.notes or ("-",)]
        lines.append(f"U {exchange.speaker}: {exchange.said}".replace("U : ", "U: "))
        is_last = exchange is question.scene.exchanges[question.at]
        for at, reply in enumerate([answer] if is_last else exchange.replies):
            lines += [f"R: {result}" for result in (exchange.results[at - 1] if at else ())]
            lines.append(f"A: {reply}")
    return "\n".join(lines) + "\n"


async def answers(
    server: str, model: str, asked: Sequence[TeacherQuestion], *, at_once: int, seed: int
) -> list[str]:
    """What the teacher says to each, several at a time: a server that batches is as quick for all.

    Raises:
        SystemExit: the server does not answer as one with OpenAI's chat completions.
    """
    room = asyncio.Semaphore(at_once)

    async def ask(client: httpx.AsyncClient, number: int, question: TeacherQuestion) -> str:
        body: dict[str, Any] = {
            "model": model,
            "messages": [
                {"role": each.role, "content": each.content} for each in question.messages()
            ],
            "max_tokens": 96,
            "temperature": 0.8,
            "seed": seed + number,
        }
        async with room:
            response = await client.post(f"{server.rstrip('/')}/chat/completions", json=body)
        response.raise_for_status()
        content: str = response.json()["choices"][0]["message"]["content"]
        return content.strip()

    try:
        async with httpx.AsyncClient(timeout=300.0) as client:
            return list(await asyncio.gather(*(ask(client, *each) for each in enumerate(asked))))
    except (httpx.HTTPError, KeyError, IndexError, ValueError) as error:
        raise SystemExit(
            f"{server}: expected a server with OpenAI's chat completions, but "
            f"{error or type(error).__name__}; start one and give its address with --server."
        ) from None


def build(
    asked: Sequence[TeacherQuestion], said: Sequence[str], data: Path, out: Path, card: DatasetCard
) -> Counter[str]:
    """Writes the folder; how many answers were kept (under "") and why the others were not."""
    counts: Counter[str] = Counter()
    kept: dict[str, list[str]] = {}
    blocks: list[str] = []
    for question, answer in zip(asked, said, strict=True):
        alike_ones = kept.setdefault(question.scene.exchanges[question.at].said, [])
        reason = refusal(question, answer)
        if not reason and any(alike(answer, other) >= NEAR for other in alike_ones):
            reason = "said before"
        counts[reason] += 1
        if not reason:
            alike_ones.append(answer)
            blocks.append(block_of(question, answer, len(blocks)))
    shutil.copytree(data, out, ignore=shutil.ignore_patterns(CARD_FILE, "eval", "judged"))
    (out / "train" / "built.txt").write_text("\n".join(blocks), "utf-8")
    write_card(out, card)
    return counts


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Writes more conversations with a bigger model.")
    parser.add_argument("--server", required=True, help="an address that ends with /v1")
    parser.add_argument("--model", required=True, help="the teacher, as the server calls it")
    parser.add_argument("--licence", required=True, help="of what the teacher writes (SPDX)")
    parser.add_argument("--out", type=Path, required=True, help="a new folder of screenplays")
    parser.add_argument("--data", type=Path, default=OWN_DATA, help="the one to start from")
    parser.add_argument("--count", type=int, default=200, help="answers to ask for")
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    if args.out.exists():
        raise SystemExit(f"{args.out}: expected no such folder yet; name another with --out.")
    asked = questions(args.data, args.count, args.seed)
    work = answers(args.server, args.model, asked, at_once=args.at_once, seed=args.seed)
    card = DatasetCard(
        name=args.out.name,
        licence=args.licence,
        may_ship=False,
        kind="made",
        source=f"conversations of {args.data.name}, answered by {args.model}",
        trained_on=(args.model,),
        notes=("A person is to read it before weights that saw it are shipped.",),
    )
    counts = build(asked, asyncio.run(work), args.data, args.out, card)
    told = ", ".join(f"{count} {reason}" for reason, count in counts.most_common() if reason)
    print(f"{args.out}: {counts['']} of {args.count} answers kept; left out: {told or 'none'}")


if __name__ == "__main__":
    main()
