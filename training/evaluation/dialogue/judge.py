"""A bigger model says whether a reply is good; how far it agrees with people is counted."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import torch

from training.dialogue.base import Base
from training.dialogue.chat_ids import Message
from training.dialogue.placeholders import Values, exchanges_of
from training.dialogue.scenes import JudgedReply, PersonaSheet
from training.evaluation.dialogue.heard import PlayedScript

Judge: TypeAlias = Callable[[str, Sequence[tuple[str, str]], str], float]
"""Persona, what was said and answered (the last answer empty), a reply -> how good it is."""
LAST_EXCHANGES: Final = 6
"""Of a conversation, shown to the judge."""

_TASK: Final = (
    "You judge replies of a character in a conversation. A good reply answers what was just said, "
    "stays in character, agrees with the persona and with what was said before, is short, and is "
    "no repetition. Answer with Yes or No."
)


def local_judge(base: Base) -> Judge:
    """Asks a chat model; what counts is how much likelier `Yes` is than `No` (nats)."""
    yes, no = (base.chat.message(Message("assistant", word)) for word in ("Yes", "No"))
    words = [each.ids[each.written.index(True)] for each in (yes, no)]
    model: Any = base.model.eval()

    @torch.inference_mode()
    def judge(persona: str, exchanges: Sequence[tuple[str, str]], reply: str) -> float:
        lines = []
        for said, answered in exchanges[-LAST_EXCHANGES:]:
            lines += [f"User: {said}", *([f"Character: {answered}"] if answered else [])]
        question = (
            f"Persona: {persona.strip()}\n\nConversation:\n{chr(10).join(lines)}\n\n"
            f"Reply of the character: {reply}\n\nIs this a good reply? Yes or No?"
        )
        ids = base.chat.prompt([Message("system", _TASK), Message("user", question)])
        logits = model(input_ids=torch.tensor([ids]), use_cache=False, logits_to_keep=1).logits
        likely, unlikely = (float(logits[0, -1, word]) for word in words)
        return likely - unlikely

    return judge


def scores_of_labels(
    labels: Sequence[JudgedReply], personas: Mapping[str, PersonaSheet], judge: Judge
) -> list[tuple[float, bool]]:
    """What the judge and a person say of each."""
    found = []
    for label in labels:
        sheet = personas[label.persona]
        values = Values(sheet.values, random.Random(0), sheet.lang)
        values.let("self", sheet.names[0])
        exchanges = exchanges_of(label.beats, values, random.Random(0))
        said = [(each.said, each.replies[0] if each.replies else "") for each in exchanges]
        persona = values.fill(sheet.texts[0])
        score = judge(persona, said, values.fill(label.reply))
        found.append((score, not label.kind))
    return found


def agreement(scores: Sequence[tuple[float, bool]]) -> dict[str, float]:
    """How far a judge agrees with hand labels.

    A reply counts as good above the threshold that is best for all *other* labels, so that no label
    chooses how it is judged.
    """
    hits = [
        (score >= best_threshold([*scores[:at], *scores[at + 1 :]])) == good
        for at, (score, good) in enumerate(scores)
    ]
    good = [score for score, is_good in scores if is_good]
    bad = [score for score, is_good in scores if not is_good]
    wins = sum((one > other) + 0.5 * (one == other) for one in good for other in bad)
    share = max(len(good), len(bad)) / len(scores)
    return {
        "labels": len(scores),
        "agreement": sum(hits) / len(hits),
        "always_the_same": share,
        "good_above_bad": wins / (len(good) * len(bad)),
        "threshold": best_threshold(scores),
    }


def best_threshold(scores: Sequence[tuple[float, bool]]) -> float:
    def right(threshold: float) -> int:
        return sum((score >= threshold) == good for score, good in scores)

    return max(sorted({score for score, _ in scores}), key=right)


def liked(
    played: Sequence[PlayedScript], personas: Mapping[str, str], judge: Judge, threshold: float
) -> float | None:
    """Share of the replies that the judge finds good."""
    verdicts = []
    for script in played:
        said: list[tuple[str, str]] = []
        for turn in script.turns:
            verdict = judge(personas[script.persona], [*said, (turn.said, "")], turn.heard.speech)
            verdicts.append(verdict >= threshold)
            said.append((turn.said, turn.heard.speech))
    return sum(verdicts) / len(verdicts) if verdicts else None
