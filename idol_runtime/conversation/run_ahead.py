"""How one stage of a turn runs ahead of the next."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None


async def run_ahead(items: AsyncGenerator[T, None], *, limit: int) -> AsyncGenerator[T, None]:
    """The same items, made in a task of their own up to `limit` items before they are asked for.

    Closing this generator cancels the task and closes `items`; what they raise is raised here, in
    order.
    """
    queue: asyncio.Queue[T | _End] = asyncio.Queue(limit)

    async def make() -> None:
        error = None
        try:
            async with aclosing(items):
                async for item in items:
                    await queue.put(item)
        except Exception as raised:  # handed to the reader, who raises it in its own place
            error = raised
        await queue.put(_End(error))

    task = asyncio.create_task(make())
    try:
        while not isinstance(item := await queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
