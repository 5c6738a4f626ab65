"""Follows single jobs: their moves, and what the model says while it says it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from pydantic_core import from_json

from ..vocabulary.job import JobState
from .keys import Keys
from .subscriptions import RECHECK_SECONDS, Subscriptions

MOST_UNREAD = 1000
"""News kept for one slow follower at most; what is more it has to look up."""


@dataclass(frozen=True)
class StateChanged:
    """The job has come to this state."""

    state: JobState


@dataclass(frozen=True)
class TextChunk:
    """The model said `text` under this binding; `offset` is the bytes of UTF-8 that went before it."""

    binding: int
    offset: int
    text: str


@dataclass(frozen=True)
class LookAgain:
    """News may be missing: look at the job, and at what its model has said so far."""


JobUpdate = StateChanged | TextChunk | LookAgain


class JobUpdates:
    """The news of one job, without an end; a Look comes first, and after each quiet time."""

    def __init__(self) -> None:
        self._unread: asyncio.Queue[str] = asyncio.Queue()
        self.look_again()

    def look_again(self) -> None:
        """Let who reads look for itself, as soon as it has read what is there."""
        self.push("")

    def push(self, message: str) -> None:
        """Take in a message of the job's channel."""
        if self._unread.qsize() >= MOST_UNREAD:
            while not self._unread.empty():
                self._unread.get_nowait()
            message = ""
        self._unread.put_nowait(message)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> JobUpdate:
        try:
            async with asyncio.timeout(RECHECK_SECONDS):
                return _read(await self._unread.get())
        except TimeoutError:
            return LookAgain()


class Follower:
    """Tells of jobs as things happen."""

    def __init__(self, subscriptions: Subscriptions, keys: Keys) -> None:
        self._subscriptions, self._keys = subscriptions, keys

    @asynccontextmanager
    async def following(self, job_id: str) -> AsyncIterator[JobUpdates]:
        """Yield the news of one job."""
        updates = JobUpdates()
        async with self._subscriptions.listening([(self._keys.key("events", job_id), updates.push)]):
            yield updates


def _read(message: str) -> JobUpdate:
    """Return the news in a message; an empty one stands for those that were dropped, or did not come."""
    if not message:
        return LookAgain()
    return TextChunk(**from_json(message)) if message.startswith("{") else StateChanged(JobState(message))
