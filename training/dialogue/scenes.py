"""What a screenplay holds: personas, talks, scripts of the evaluation, pairs, labels."""

from dataclasses import dataclass, field


class ScreenplayError(ValueError):
    """A file of conversations that is not written as it must be; the message says the line."""


@dataclass(frozen=True, slots=True)
class PersonaSheet:
    """Who the mind plays."""

    id: str
    names: tuple[str, ...]
    lang: str
    texts: tuple[str, ...]
    """Wordings of the same persona."""
    actions: tuple[str, ...] = ()
    """As the prompt declares them: `give_item {"item": "sword|shield"} (gives an item)`."""
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """One line of a conversation: `N`, `U`, `A`, `R`, or the session break of a script."""

    kind: str
    texts: tuple[str, ...]
    """Wordings of the same line."""
    speaker: str = ""
    rules: tuple[tuple[str, str], ...] = ()
    """Of a script's `U`: name and text of what its reply must be."""


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation to learn from."""

    persona: str
    tags: tuple[str, ...]
    beats: tuple[ScriptLine, ...]
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EvaluationScript:
    """What a user says in order, and what the replies must be."""

    id: str
    persona: str
    categories: tuple[str, ...]
    beats: tuple[ScriptLine, ...]


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """One good reply and worse ones after the same lines."""

    persona: str
    tags: tuple[str, ...]
    beats: tuple[ScriptLine, ...]
    good: tuple[str, ...]
    bad: tuple[tuple[str, str], ...]
    """Kind and text."""
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgedReply:
    """A reply with a person's verdict, to measure a judge by."""

    persona: str
    beats: tuple[ScriptLine, ...]
    reply: str
    kind: str
    """Empty for a good reply, else one of `BAD_KINDS`."""
    reason: str


@dataclass(frozen=True, slots=True)
class Screenplay:
    """All that stands in a file or a folder."""

    personas: dict[str, PersonaSheet] = field(default_factory=dict)
    talks: tuple[Talk, ...] = ()
    scripts: tuple[EvaluationScript, ...] = ()
    pairs: tuple[PreferencePair, ...] = ()
    judged: tuple[JudgedReply, ...] = ()
