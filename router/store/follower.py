"""Follows single jobs: their moves, and what the model says while it says it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from pydantic_core import from_json

from ..job import JobState
from .keys import Keys
from .subscriptions import RECHECK_SECONDS, Subscriptions

MOST_UNREAD = 1000
"""News kept for one slow follower at most; what is more it has to look up."""


@dataclass(frozen=True)
class Moved:
    """The job has come to this state."""

    state: JobState


@dataclass(frozen=True)
class Said:
    """The model said `text` under this binding; `offset` is the bytes of UTF-8 that went before it."""

    binding: int
    offset: int
    text: str


@dataclass(frozen=True)
class Look:
    """News may be missing: look at the job, and at what its model has said so far."""


News = Moved | Said | Look


class Follower:
    """Tells of jobs as things happen."""

    def __init__(self, subscriptions: Subscriptions, keys: Keys) -> None:
        self._subscriptions, self._keys = subscriptions, keys

    @asynccontextmanager
    async def following(self, job_id: str) -> AsyncIterator[AsyncIterator[News]]:
        """Yield the news of one job, without an end; a Look comes first, and after each quiet time."""
        unread: asyncio.Queue[str] = asyncio.Queue()

        def hear(message: str) -> None:
            if unread.qsize() >= MOST_UNREAD:
                while not unread.empty():
                    unread.get_nowait()
                message = ""
            unread.put_nowait(message)

        async with (
            self._subscriptions.listening([(self._keys.key("events", job_id), hear)]),
            aclosing(_news(unread)) as news,
        ):
            yield news


async def _news(unread: asyncio.Queue[str]) -> AsyncGenerator[News, None]:
    yield Look()
    while True:
        try:
            async with asyncio.timeout(RECHECK_SECONDS):
                message = await unread.get()
        except TimeoutError:
            message = ""
        yield _read(message)


def _read(message: str) -> News:
    """Return the news in a message; an empty one stands for those that were dropped, or did not come."""
    if not message:
        return Look()
    return Said(**from_json(message)) if message.startswith("{") else Moved(JobState(message))
