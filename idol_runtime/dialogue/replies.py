"""The order in which one model writes several replies."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from idol_runtime.dialogue.engine import DialogueCapabilities
from idol_runtime.dialogue.messages import DialogueRequest, Generated, PrefillProgress
from idol_runtime.inference.service import StreamEnd, advance, close_iterator


@dataclass(eq=False, slots=True)
class WrittenReply:
    items: Iterator[Generated]
    is_writing: bool = False
    """Its prompt has been read."""


class Replies:
    """A step is a piece of text of every reply that is being written, and a part of one prompt.

    Prompts are read one after the other: the first who asked has the first words while the others
    wait, where all would wait for the last if their prompts were read side by side. The first
    piece leaves with the last part of the prompt.
    """

    def __init__(
        self,
        answer: Callable[[DialogueRequest], Iterator[Generated]],
        capabilities: DialogueCapabilities,
    ) -> None:
        """Takes what answers a request: the parts of its prompt first, with the last one told."""
        self._answer = answer
        self.capabilities = capabilities

    def open(self, request: DialogueRequest) -> WrittenReply:
        return WrittenReply(self._answer(request))

    def step(
        self, live: Sequence[WrittenReply]
    ) -> Iterator[tuple[WrittenReply, Generated | StreamEnd]]:
        for reply in live:
            if reply.is_writing:
                yield reply, advance(reply.items)
        reading = next((reply for reply in live if not reply.is_writing), None)
        if reading is not None:
            item = advance(reading.items)
            yield reading, item
            is_read = isinstance(item, PrefillProgress) and item.done_tokens == item.total_tokens
            reading.is_writing = is_read or not isinstance(item, PrefillProgress)
            if is_read:
                yield reading, advance(reading.items)

    def close(self, stream: WrittenReply) -> None:
        close_iterator(stream.items)
