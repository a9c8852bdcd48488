"""A character answers in the language in which it is spoken to, as far as model and voice can."""

from collections.abc import Sequence
from typing import Final

from idol_runtime.character import SMALL_DIALOGUE, Character
from idol_runtime.conversation.hooks import Hooks, Meeting, Occasion
from idol_runtime.conversation.prompt import Prompt
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.errors import IdolError
from idol_runtime.mind.language_of import language_of, requested_language
from idol_runtime.mind.language_words import ANSWER_IN, OWN_NAMES
from idol_runtime.speech.engine import speaks

LOOKED_BACK: Final = 12
"""Messages that tell which language is spoken now."""
SORRY: Final = {
    "en": (
        "I'm so sorry, I don't speak that language yet. Could we talk in English?",
        "Oh, I can only speak English so far, I'm sorry! Will you tell me in English?",
    ),
    "ja": ("ごめんなさい、その言葉はまだ話せないんです。日本語でもいいですか？",),
    "zh": ("对不起，这种语言我还不会说。我们可以用中文聊吗？",),
    "es": ("Lo siento, todavía no hablo ese idioma. ¿Podemos hablar en español?",),
    "fr": ("Pardon, je ne parle pas encore cette langue. On peut parler français ?",),
    "de": ("Es tut mir leid, diese Sprache spreche ich noch nicht. Reden wir Deutsch?",),
}
"""Said once by a character of that language whose voice cannot speak the other one."""


def language_hooks(meeting: Meeting) -> Hooks:
    """Which language an answer is in, and what is said where it cannot be."""
    languages = _Languages(meeting)
    return Hooks(
        answer=(languages.answer,), prompt=(languages.note,), language=(languages.of_answer,)
    )


def spoken_now(history: Sequence[ChatMessage], own: str) -> str:
    """The language that users speak: that of the newest line that is clear, or the one they asked
    to be answered in until they speak a third one.
    """
    spoken, asked_in = own, None
    for message in history[-LOOKED_BACK:]:
        if message.role != "user":
            continue
        line = language_of(message.content)
        if (requested := requested_language(message.content)) is not None:
            spoken, asked_in = requested, line
        elif line is not None and line != asked_in:
            spoken, asked_in = line, None
    return spoken


def _written_by(character: Character) -> Sequence[str] | None:
    """Languages beside its own that its model writes, or None for any."""
    models = character.models
    if character.languages is None and models.dialogue == SMALL_DIALOGUE and not models.http.url:
        return ("en",)
    return character.languages


def _answer_in(language: str) -> tuple[str, ...]:
    native = ANSWER_IN.get(language)
    note = f"Answer in {OWN_NAMES.get(language, language)}."
    return (note,) if native is None else (note, native)


def _primary(language: str) -> str:
    return language.lower().split("-")[0]


class _Languages:
    def __init__(self, meeting: Meeting) -> None:
        self._character: Character = meeting.character
        self._own = _primary(self._character.language)
        self._allowed = _written_by(self._character)
        self._voice = meeting.voice
        self._seed = sum(meeting.conversation_id.encode())
        self._is_told = False

    async def of_answer(self, occasion: Occasion) -> str | None:
        other = self._other(occasion)
        return other if other is not None and await self._can(other, occasion.is_spoken) else None

    async def answer(self, occasion: Occasion) -> str | None:
        other = self._other(occasion)
        if other is None or self._is_told or await self._can(other, occasion.is_spoken):
            return None
        lines = self._character.lines.other_language or SORRY.get(self._own, ())
        self._is_told = bool(lines)
        return lines[self._seed % len(lines)] if lines else None

    async def note(self, occasion: Occasion, prompt: Prompt) -> Prompt:
        if (other := self._other(occasion)) is None:
            # A model goes on in the language of what it reads.
            was_other = bool(occasion.said) and not self._own_only(occasion.history)
            return prompt.noted(*_answer_in(self._own)) if was_other else prompt
        if await self._can(other, occasion.is_spoken):
            return prompt.noted(*_answer_in(other))
        own = OWN_NAMES.get(self._own, self._own)
        return prompt.noted(f"Answer in {own}, the only language that you speak.")

    def _own_only(self, history: Sequence[ChatMessage]) -> bool:
        """Whether nothing that was said lately is in another language."""
        told = (language_of(each.content) for each in history[-LOOKED_BACK:])
        return all(each in (None, self._own) for each in told)

    def _other(self, occasion: Occasion) -> str | None:
        """The language of the conversation, if it is not the character's own."""
        if not occasion.said:
            return None
        spoken = spoken_now(occasion.history, self._own)
        return None if spoken == self._own else spoken

    async def _can(self, language: str, is_spoken: bool) -> bool:
        allowed = self._allowed
        if allowed is not None and language not in map(_primary, allowed):
            return False
        if not is_spoken:
            return True
        try:
            voice = await self._voice()
        except IdolError:  # the answer says what is wrong with it
            voice = None
        return voice is None or speaks(voice.languages, language)
