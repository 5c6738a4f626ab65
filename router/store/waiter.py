"""Waits for the ends of jobs, without polling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from .keys import Keys
from .subscriptions import Listener, Subscriptions


class Waiter:
    """Hears of the ends of jobs where Celery's Redis backend would."""

    def __init__(self, subscriptions: Subscriptions, keys: Keys) -> None:
        self._subscriptions, self._keys = subscriptions, keys

    @asynccontextmanager
    async def watching(self, job_ids: Sequence[str]) -> AsyncIterator[dict[str, asyncio.Event]]:
        """Yield an event for each job that is set when it ends; look at the job after entering, not before."""
        ends = {job_id: asyncio.Event() for job_id in job_ids}
        listeners = [(self._keys.result(job_id), _setter(end)) for job_id, end in ends.items()]
        async with self._subscriptions.listening(listeners):
            yield ends


def _setter(end: asyncio.Event) -> Listener:
    return lambda _: end.set()
