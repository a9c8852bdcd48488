"""Which private conversation of a character is the newest, for those who watch."""

import asyncio

from idol_runtime.conversation.conversation import Conversation


class Meetings:
    """The private conversations that sessions have, in the order in which they began."""

    def __init__(self, settle_s: float) -> None:
        """Takes how long a new one must last before those who watch move over to it.

        A page that is loaded again begins a session of its own before it goes on with its last one.
        """
        self._settle_s = settle_s
        self._live: list[tuple[str, Conversation]] = []
        self._changed = asyncio.Event()

    def begin(self, name: str, conversation: Conversation) -> None:
        self._live.append((name, conversation))
        self._tell()

    def end(self, conversation: Conversation) -> None:
        self._live = [each for each in self._live if each[1] is not conversation]
        self._tell()

    def newest(self, name: str) -> Conversation | None:
        """The conversation with this character that began last and goes on."""
        return next((each for met, each in reversed(self._live) if met == name), None)

    async def passed(self, name: str, watched: Conversation | None) -> None:
        """Returns when `watched` has ended, or is not the newest for good.

        Args:
            name: The character.
            watched: One of its conversations, or None where there was none.
        """
        while True:
            changed = self._changed
            if watched is not None and all(each is not watched for _, each in self._live):
                return
            if self.newest(name) is watched:
                await changed.wait()
                continue
            try:
                async with asyncio.timeout(self._settle_s):
                    await changed.wait()
            except TimeoutError:
                return

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
