"""A model's chat template, and how a conversation must look for it.

Templates are compiled as transformers compiles them. Many refuse conversations that a character
has: a greeting before anybody spoke, two messages of one side in a row, a system message. Such a
conversation is rearranged, with as little change as the template needs, which is found by trying
when the template is opened: an import and a server find the same.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from datetime import date, datetime
from typing import Any, Final

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from idol_runtime.dialogue.messages import FIRST_WORDS, ChatMessage
from idol_runtime.errors import InputError

_PLACEHOLDER: Final = re.compile("\ue000([0-9]+)\ue001")
"""Stands for a content, by its number, where the template is rendered."""
_MOST_CHARACTERS: Final = 1_000_000
_MOST_NUMBERS: Final = 100_000
_SYSTEM, _USER, _REPLY = (
    ChatMessage("system", ""),
    ChatMessage("user", ""),
    ChatMessage("assistant", ""),
)
CONVERSATIONS: Final[dict[str, tuple[ChatMessage, ...]]] = {
    "a question": (_USER,),
    "a persona and a question": (_SYSTEM, _USER),
    "user and assistant in turn": (_SYSTEM, *(_USER, _REPLY) * 6, _USER),
    "a greeting before the first question": (_SYSTEM, _REPLY, _USER),
    "a greeting after examples": (_SYSTEM, _USER, _REPLY, _REPLY, _USER),
    "two questions in a row": (_SYSTEM, _USER, _REPLY, _USER, _USER),
    "a greeting without a question": (_SYSTEM, _REPLY),
    "a reply without a question after it": (_SYSTEM, _USER, _REPLY),
    "instructions behind the persona": (_SYSTEM, _SYSTEM, _USER),
    "instructions in the middle": (_SYSTEM, _USER, _REPLY, _SYSTEM, _USER),
}
"""What a character's conversations look like; a template must take each of them."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What of a conversation is changed for a template; nothing, for most."""

    folds_greeting: bool = False
    """What the character says before anybody else is told in the persona."""
    folds_system: bool = False
    """The persona is put before the user's first words."""
    moves_instructions: bool = False
    """System messages in the middle of a conversation become the user's."""
    merges: bool = False
    """Messages of one side in a row become one."""
    in_parts: bool = False
    """Contents are lists of parts, as models that see pictures take them."""

    def of(self, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
        start = next((at for at, each in enumerate(messages) if each.role != "system"), None)
        start = len(messages) if start is None else start
        system, rest = list(messages[:start]), list(messages[start:])
        if self.moves_instructions:
            system = _merged(system)
            rest = [ChatMessage("user", m.content) if m.role == "system" else m for m in rest]
        if self.folds_greeting:
            spoken = list(itertools.takewhile(lambda message: message.role == "assistant", rest))
            rest = rest[len(spoken) :]
            if spoken:
                words = "\n".join(message.content for message in spoken)
                told = ChatMessage("system", f'You began the conversation with: "{words}"')
                system = _merged([*system, told])
        if self.folds_system and system:
            rest = [ChatMessage("user", _merged(system)[0].content), *rest]
            system = []
            if rest[1:] and rest[1].role == "user":
                rest = [*_merged(rest[:2]), *rest[2:]]
        if (self.folds_greeting or self.folds_system) and (not rest or rest[0].role != "user"):
            rest = [FIRST_WORDS, *rest]
        if self.merges:
            return [*_merged(system), *_merged(rest)]
        return [*system, *rest]


class ChatTemplate:
    """A template that takes every conversation of a character."""

    def __init__(
        self, text: str, tokens: Mapping[str, str], now: Callable[[], datetime] = datetime.now
    ) -> None:
        """Compiles a template and finds the arrangement it needs.

        Args:
            text: Jinja.
            tokens: `bos_token` and the like.
            now: Local time, for templates that write a date.

        Raises:
            InputError: it does not compile, or refuses a conversation however it is arranged.
        """
        self._days: dict[date, datetime] = {}
        self._now = now
        self._counted = 0
        self._template = _compile(text, {"strftime_now": self._strftime_now, "range": self._range})
        self._tokens = dict(tokens)
        self.arrangement = self._arrangement()

    def render(self, messages: Sequence[ChatMessage]) -> Iterator[tuple[str, str | None]]:
        """Pieces of the template's own text, each with the content that follows it.

        Contents are stripped; nothing follows the last piece.

        Raises:
            InputError: the template refuses this order of roles.
        """
        arranged = self.arrangement.of(messages)
        contents = [message.content.strip() for message in arranged]
        rendered = self._rendered(arranged, self.arrangement)
        at = 0
        for match in _PLACEHOLDER.finditer(rendered):
            yield rendered[at : match.start()], contents[int(match[1])]
            at = match.end()
        yield rendered[at:], None

    def _arrangement(self) -> Arrangement:
        refusal = ""
        choices = itertools.product((False, True), repeat=len(fields(Arrangement)))
        for arrangement in sorted((Arrangement(*choice) for choice in choices), key=_cost):
            found = self._refusal(arrangement)
            if not found:
                return arrangement
            refusal = refusal or found
        raise InputError(
            f"Expected a chat template that takes a character's conversations, but it {refusal}; "
            "choose another model."
        )

    def _refusal(self, arrangement: Arrangement) -> str:
        for name, conversation in CONVERSATIONS.items():
            arranged = arrangement.of(
                [replace(message, content=f"c{at}") for at, message in enumerate(conversation)]
            )
            try:
                rendered = self._rendered(arranged, arrangement)
            except InputError as error:
                return f"refuses {name}: {error}"
            for at, message in enumerate(arranged):
                if f"\ue000{at}\ue001" not in rendered:
                    return f"leaves out what the {message.role} says in {name}"
        return ""

    def _rendered(self, arranged: Sequence[ChatMessage], arrangement: Arrangement) -> str:
        messages = []
        for at, message in enumerate(arranged):
            content: Any = f"\ue000{at}\ue001"
            if arrangement.in_parts:
                content = [{"type": "text", "text": content}]
            messages.append({"role": message.role, "content": content})
        self._counted = 0
        try:
            return self._template.render(
                messages=messages,
                add_generation_prompt=True,
                tools=None,
                documents=None,
                enable_thinking=False,  # what is thought is not spoken, and takes its time
                **self._tokens,
            )
        except Exception as error:  # templates are programs: they raise whatever Python raises
            raise InputError(
                f"The chat template refuses this conversation: {error or type(error).__name__}."
            ) from None

    def _range(self, *bounds: int) -> range:
        """No template counts for ever, in loops inside of loops."""
        numbers = range(*bounds)
        self._counted += len(numbers)
        if self._counted > _MOST_NUMBERS:
            raise jinja2.TemplateError(f"it counts further than {_MOST_NUMBERS}")
        return numbers

    def _strftime_now(self, form: str) -> str:
        """The date, and the time at which the day's first prompt was made.

        A clock that goes on would change the prompt's beginning with every turn, and all that
        follows would be read again.
        """
        now = self._now()
        if now.date() not in self._days:
            self._days = {now.date(): now}
        return self._days[now.date()].strftime(form)


def _cost(arrangement: Arrangement) -> int:
    """A persona that stays one is worth more than the rest."""
    return 2 * arrangement.folds_system + sum(map(int, astuple(arrangement)))


def _merged(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    return [
        ChatMessage(role, "\n\n".join(message.content.strip() for message in run).strip())
        for role, run in itertools.groupby(messages, key=lambda message: message.role)
    ]


class _Generation(Extension):
    """`{% generation %}` marks what a model is trained on; here it is only text."""

    tags = {"generation"}  # noqa: RUF012, as Jinja declares it

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body).set_lineno(line)


class _Sandbox(ImmutableSandboxedEnvironment):
    """No template multiplies a text into more memory than there is."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(
        self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any
    ) -> Any:
        sizes = [side if isinstance(side, int) else _length(side) for side in (left, right)]
        if operator == "**" or abs(sizes[0] * sizes[1]) > _MOST_CHARACTERS:
            raise jinja2.TemplateError(f"`{operator}` with such values is not allowed")
        return super().call_binop(context, operator, left, right)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | list | tuple) else 1


def _compile(text: str, functions: Mapping[str, Callable[..., object]]) -> jinja2.Template:
    environment = _Sandbox(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.loopcontrols", _Generation],
    )
    environment.globals |= {"raise_exception": _refuse, **functions}
    environment.filters["tojson"] = _tojson
    try:
        return environment.from_string(text)
    except Exception as error:  # of Jinja's compiler; RecursionError and the like among them
        raise InputError(
            f"Expected a chat template, but it does not compile: {error}; choose another model."
        ) from None


def _refuse(message: str) -> None:
    raise jinja2.TemplateError(message)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Jinja's own escapes HTML."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )
