"""Conversations laid out as the runtime's prompts are: opening, history, notes, last words.

`idol_runtime.conversation.prompt` is what this must equal; a test holds the two together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from training.dialogue.chat_ids import ChatIds, Message
from training.dialogue.forest import Forest, NodeId
from training.dialogue.placeholders import DrawnExchange


@dataclass(frozen=True, slots=True)
class Scene:
    """A conversation as it is learnt from."""

    persona: str
    actions: tuple[str, ...]
    examples: tuple[tuple[str, str], ...]
    """What was said and answered, as a character's file shows it."""
    exchanges: tuple[DrawnExchange, ...]

    def opening(self) -> tuple[Message, ...]:
        system = self.persona.strip()
        if self.actions:
            system += f"\n\nYou can act: {'; '.join(self.actions)}."
        shown = (
            message
            for said, reply in self.examples
            for message in (Message("user", said), Message("assistant", reply))
        )
        return (Message("system", system), *shown)


def spoken(exchange: DrawnExchange) -> Message:
    """What was said, as the model reads it."""
    said = f"{exchange.speaker}: {exchange.said}" if exchange.speaker else exchange.said
    return Message("user", said)


def note(notes: Sequence[str]) -> tuple[Message, ...]:
    return (Message("system", "\n".join(notes)),) if notes else ()


def result(text: str) -> Message:
    """What an action answered: `give_item {"ok": true}`."""
    return Message("system", f"Result: {text}")


def answers(exchange: DrawnExchange) -> list[Message]:
    """All that follows what was said: replies, with the results of actions between them."""
    said = [Message("assistant", exchange.replies[0])] if exchange.replies else []
    for results, reply in zip(exchange.results, exchange.replies[1:], strict=True):
        said += [*map(result, results), Message("assistant", reply)]
    return said


def prompt_of(scene: Scene, at: int) -> list[Message]:
    """What is read before the first reply of exchange `at`."""
    history = [
        message
        for exchange in scene.exchanges[:at]
        for message in (spoken(exchange), *answers(exchange))
    ]
    asked = scene.exchanges[at]
    return [*scene.opening(), *history, *note(asked.notes), spoken(asked)]


def plant(forest: Forest, chat: ChatIds, scene: Scene, *, longest: int) -> bool:
    """Adds every reply of a scene, each under exactly the notes it was given under.

    Returns:
        False where it grew longer than `longest` tokens: what comes after is left out.
    """
    trunk = grow(forest, chat, None, scene.opening())
    for at, exchange in enumerate(scene.exchanges, start=1):
        branch = grow(forest, chat, trunk, [*note(exchange.notes), spoken(exchange)])
        grow(forest, chat, branch, answers(exchange), is_learnt=True)
        trunk = grow(forest, chat, trunk, (spoken(exchange), *answers(exchange)))
        if forest.length_of(trunk) > longest and at < len(scene.exchanges):
            return False
    return True


def grow(
    forest: Forest,
    chat: ChatIds,
    node: NodeId | None,
    messages: Sequence[Message],
    *,
    is_learnt: bool = False,
) -> NodeId:
    """A path of messages; where it is learnt, what the assistant says in it is."""
    for message in messages:
        learns = is_learnt and message.role == "assistant"
        node = forest.add(node, chat.message(message), is_learnt=learns)
    if node is None:
        raise ValueError("Expected at least one message, found none.")
    return node


def with_notes(scene: Scene, notes: Sequence[tuple[str, ...]]) -> Scene:
    """The scene with other notes at each exchange."""
    return replace(
        scene,
        exchanges=tuple(
            replace(exchange, notes=told)
            for exchange, told in zip(scene.exchanges, notes, strict=True)
        ),
    )
