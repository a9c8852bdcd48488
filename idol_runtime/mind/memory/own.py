"""What somebody may do with what is remembered of them: see it, put it right, add, erase it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from idol_runtime.errors import RequestError
from idol_runtime.mind.memory.facts import IMPORTANCE, MAX_TEXT, Fact, Learned
from idol_runtime.mind.memory.keeping import Answer, Keeper
from idol_runtime.mind.memory.reading import changes_in
from idol_runtime.mind.memory.store import KeptFact, Whose


class OwnMemories:
    """Of one person, by one character; nobody else's can be reached through it.

    Everything raises `RequestError` where the store does not answer.
    """

    def __init__(self, keeper: Keeper, whose: Whose) -> None:
        self._keeper = keeper
        self._whose = whose

    async def items(self) -> list[KeptFact]:
        """The oldest first."""
        return _answered(await self._keeper.memories(self._whose))

    async def set(self, text: str, memory_id: str | None = None) -> None:
        """Puts a memory right, or adds one.

        Args:
            text: Of a memory that is there: what the person does, such as `lives in Rome`. Of a
                new one also as they say it, `I live in Rome`.
            memory_id: Of the memory that is put right; None adds one.

        Raises:
            RequestError: no such memory, or no such text.
        """
        text = " ".join(text.split())
        if not 0 < len(text) < MAX_TEXT:
            raise RequestError(
                f"Expected a text of 1 to {MAX_TEXT - 1} characters, found {len(text)}.",
                code="invalid_field",
                param="text",
            )
        now_s = self._keeper.clock()
        if memory_id is None:
            put = [
                KeptFact(fact, now_s, now_s, IMPORTANCE[fact.kind])
                for fact in _facts_in(text, date.fromtimestamp(now_s))
            ]
        else:
            before = next((each for each in await self.items() if each.id == memory_id), None)
            if before is None:
                raise RequestError(
                    "Nothing of that id is remembered of this user; use one of "
                    "`idol.memory.items`.",
                    code="memory_not_found",
                    param="id",
                )
            put = [
                replace(before, fact=edited_fact(before.fact, text), said_s=now_s, embedding=b"")
            ]
        if not await self._keeper.put(self._whose, put):
            raise _out_of_reach()
        self._keeper.edited(self._whose)

    async def erase(self, ids: Sequence[str] | None = None) -> int:
        """Erases some or all for good; how many there were."""
        count = _answered(await self._keeper.erase(self._whose, ids))
        self._keeper.edited(self._whose)
        return count


def _facts_in(text: str, today: date) -> list[Fact]:
    learned = [each.fact for each in changes_in(text, today) if isinstance(each, Learned)]
    return learned or [Fact("other", f"told/{text.lower()}"[: MAX_TEXT - 1], text, text)]


def edited_fact(fact: Fact, text: str) -> Fact:
    """The fact with another text, in the same slot.

    Raises:
        RequestError: it is how the character feels, which nobody may write.
    """
    if fact.kind == "feeling":
        raise RequestError(
            "How a character feels about somebody cannot be set; erase it, and it begins anew.",
            code="invalid_field",
            param="id",
        )
    if fact.kind == "name":
        name = text.removeprefix("is called ").strip() or text
        return replace(fact, text=f"is called {name}", value=name)
    return replace(fact, text=text, value=text.partition(" ")[2] or text)


def _answered(answer: Answer | None) -> Answer:
    if answer is None:
        raise _out_of_reach()
    return answer


def _out_of_reach() -> RequestError:
    return RequestError(
        "The store of memories does not answer; nothing was changed, try again later.",
        code="memory_unavailable",
    )
