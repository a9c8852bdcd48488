"""A summary in the dialogue model's own words: asked for where nobody waits, and read with care,
because a small model invents.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from typing import Final

from idol_runtime.character import Sampling
from idol_runtime.conversation.models import StreamingModel
from idol_runtime.dialogue.messages import ChatMessage, DialogueRequest, Generated, TextDelta
from idol_runtime.mind.memory.doings import is_secret

WHEN_NOBODY_WAITS: Final = -1
"""The priority of a summary."""
_MOST_CHARS: Final = 1_600
"""Of the conversation that is read for one summary; the newest count."""
_MOST_OF_A_LINE: Final = 240
_OF_IT: Final = 0.6
"""Of the words of a summary must have been said."""
_TASK: Final = (
    "You write down what happened in a conversation, in one or two short sentences: what {who} is, "
    "did, plans and feels. You write only what was said, in the third person."
)
_QUESTION: Final = "In one or two short sentences: what did {who} tell?"
_TAG: Final = re.compile(r"\[[^\]\n]*\]|\*[^*\n]*\*")
_MARKUP: Final = re.compile(r"[\[\]*#<>`|{}~_\\\n\"“”]|\w\s*[:\N{FULLWIDTH COLON}]|[?？]")
_OF_TWO: Final = re.compile(
    r"(?i)\b(?:i|i'm|i've|i'll|me|my|mine|we|our|us|you|your|yours|you're)\b"
)
_ASKS: Final = re.compile(r"(?i)\bask(?:s|ed|ing)?\b")
"""Small models take what they are told for what they were asked."""
_QUESTION_MARK: Final = re.compile("[?\N{FULLWIDTH QUESTION MARK}]")
_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_NUMBER: Final = re.compile(r"\d+(?:[.,:]\d+)*")
_WIDE: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+")
_SENTENCE_END: Final = re.compile(r"[.!。！](?=\s|$)|[。！]")
_COMMON: Final = frozenset((
    "the", "a", "an", "and", "or", "but", "so", "then", "they", "their", "them", "he", "she",
    "it", "his", "her", "its", "this", "that", "these", "those", "who", "which", "what",
    "when", "where", "while", "during", "after", "before", "earlier", "later", "both", "also",
    "there", "is", "are", "was", "were", "be", "been", "being", "has", "have", "had", "do",
    "does", "did", "will", "would", "can", "could", "to", "of", "in", "on", "at", "by", "for",
    "from", "with", "about", "as", "than", "not", "no", "very", "more", "most", "some", "any",
    "all", "one", "two", "said", "says", "told", "tells", "talked", "talks", "mentioned",
    "asked", "feels", "felt", "wants", "wanted", "likes", "liked", "plans", "planned",
    "person", "conversation", "today", "now", "again", "because", "if", "into", "out", "up",
    "over", "just", "still", "another", "other", "once", "since",
))  # fmt: skip
_NUMBER_WORDS: Final = frozenset((
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "twenty", "thirty", "forty", "fifty", "hundred", "thousand", "million",
))  # fmt: skip
_ROLES: Final = frozenset(("user", "assistant", "system"))
_STEM: Final = 5
"""Letters of a word that tell it from others."""


def summary_request(
    messages: Sequence[ChatMessage], before: str, who: str, character: str, max_tokens: int
) -> DialogueRequest | None:
    """What a model is asked; None where there is nothing to sum up.

    Args:
        messages: What is summed up.
        before: The summary of what was said before these.
        who: What the user is called.
        character: The character's name.
        max_tokens: Of the summary.
    """
    lines = [before] if before else []
    said = list(_lines(messages, who, character))
    while said and sum(map(len, said)) > _MOST_CHARS:
        del said[0]
    if not said:
        return None
    lines += [*said, "", _QUESTION.format(who=who)]
    return DialogueRequest(
        (
            ChatMessage("system", _TASK.format(who=who)),
            ChatMessage("user", "\n".join(lines)),
        ),
        Sampling(temperature=0.0, enough_tokens=max_tokens),
        max_tokens,
        seed=0,
        priority=WHEN_NOBODY_WAITS,
        stop=("\n",),
    )


async def written_summary(
    model: StreamingModel[DialogueRequest, Generated], request: DialogueRequest
) -> str:
    """What a model answers; raises `IdolError` where it fails."""
    text = ""
    async with aclosing(model.stream(request)) as items:
        async for item in items:
            if isinstance(item, TextDelta):
                text += item.text
    return text


def checked_summary(text: str, sources: Iterable[str], max_chars: int) -> str | None:
    """The whole sentences of a summary, or None where it holds what nobody said.

    Args:
        text: As a model wrote it.
        sources: All that it may be made of.
        max_chars: What is longer ends with a sentence before.
    """
    text = _whole_sentences(" ".join(text.split()), max_chars)
    if not text or _MARKUP.search(text) or _OF_TWO.search(text) or is_secret(text):
        return None
    source = " ".join(sources)
    if _ASKS.search(text) and not _QUESTION_MARK.search(source):
        return None
    if not set(_NUMBER.findall(text)) <= set(_NUMBER.findall(source)):
        return None
    said = {each.casefold() for each in _WORD.findall(source)}
    words = {each.casefold() for each in _WORD.findall(text)}
    if not words & _ROLES <= said:
        return None
    known = said | {each.removesuffix("'s") for each in said}
    if any(not _was_said(text, found, known) for found in _WORD.finditer(text)):
        return None
    return text if share_of(text, source) >= _OF_IT else None


def share_of(text: str, source: str) -> float:
    """Which share of the words of a text that say something are in another, from 0 to 1."""
    words, others = _told(text), _told(source)
    return len(words & others) / len(words) if words else 0.0


def _lines(messages: Sequence[ChatMessage], who: str, character: str) -> Iterable[str]:
    for message in messages:
        text = " ".join(_TAG.sub(" ", message.content).split())[:_MOST_OF_A_LINE]
        if text and message.role != "system" and not is_secret(text):
            yield f"{who if message.role == 'user' else character}: {text}"


def _whole_sentences(text: str, max_chars: int) -> str:
    ends = [found.end() for found in _SENTENCE_END.finditer(text) if found.end() <= max_chars]
    return text[: ends[-1]] if ends else ""


def _was_said(text: str, found: re.Match[str], said: set[str]) -> bool:
    """Whether a word is no name or number, or was said."""
    word = found[0].casefold().removesuffix("'s")
    if word in _NUMBER_WORDS and word not in said:
        return False
    if not found[0][0].isupper() or _WIDE.match(found[0]):
        return True
    return word in said or (_begins_sentence(text, found.start()) and word in _COMMON)


def _begins_sentence(text: str, at: int) -> bool:
    before = text[:at].rstrip()
    return not before or before[-1] in ".!。！"


def _told(text: str) -> set[str]:
    """The words of a text that say something, by their beginnings; two signs each of Japanese and
    Chinese.
    """
    words = {each.casefold().removesuffix("'s") for each in _WORD.findall(_WIDE.sub(" ", text))}
    told = {each[:_STEM] for each in words if len(each) > 2 and each not in _COMMON}
    wide = _WIDE.findall(text)
    return told | {run[at : at + 2] for run in wide for at in range(max(1, len(run) - 1))}
