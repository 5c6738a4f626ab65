"""Tells of many jobs as they end: one subscription for all, and a look at all of them now and then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from ..runtime.cancellation import stop
from ..vocabulary.job import JobRecord
from .keys import Keys
from .subscriptions import Listener, Subscriptions


class Waiter:
    """Hears of the ends of jobs, by their ids alone: a result may be as large as a subscription can bear."""

    def __init__(self, subscriptions: Subscriptions, keys: Keys) -> None:
        self._subscriptions, self._keys = subscriptions, keys

    @asynccontextmanager
    async def watching(self, job_ids: Sequence[str]) -> AsyncIterator[dict[str, asyncio.Event]]:
        """Yield an event for each job that is set when it ends; look at the job after entering, not before."""
        end_events = {job_id: asyncio.Event() for job_id in job_ids}
        listeners = [
            (self._keys.key("ended", job_id), _setter(end_event)) for job_id, end_event in end_events.items()
        ]
        async with self._subscriptions.listening(listeners):
            yield end_events


def _setter(end_event: asyncio.Event) -> Listener:
    return lambda _: end_event.set()


LOOK_AGAIN_SECONDS = 10.0
"""How long the channels alone are trusted: pub/sub may lose a message while it reconnects."""
READ_AT_ONCE = 500

FetchEnded = Callable[[Sequence[str]], Awaitable[Sequence[JobRecord]]]
"""Returns those of the jobs that have ended, as `JobStore.ended` does."""


async def finished(
    job_ids: Sequence[str], waiter: Waiter, fetch_ended: FetchEnded
) -> AsyncGenerator[JobRecord, None]:
    """Yield the record of each job when it has ended; raises what `fetch_ended` raises."""
    waiting = dict.fromkeys(job_ids)
    clock = asyncio.get_running_loop().time
    async with waiter.watching(list(waiting)) as end_events, _ended_ids(end_events) as ended_ids:
        look_at, look_again = list(waiting), clock() + LOOK_AGAIN_SECONDS
        while True:
            for at in range(0, len(look_at), READ_AT_ONCE):
                for record in await fetch_ended(look_at[at : at + READ_AT_ONCE]):
                    del waiting[record.id]
                    yield record
            if not waiting:
                return
            look_at = [job_id for job_id in await _next(ended_ids, look_again - clock()) if job_id in waiting]
            if clock() >= look_again:
                look_at, look_again = list(waiting), clock() + LOOK_AGAIN_SECONDS


@asynccontextmanager
async def _ended_ids(end_events: Mapping[str, asyncio.Event]) -> AsyncIterator[asyncio.Queue[str]]:
    """Yield a queue that gets the id of each job whose end is published."""
    ended_ids: asyncio.Queue[str] = asyncio.Queue()

    async def forward(job_id: str, end_event: asyncio.Event) -> None:
        await end_event.wait()
        ended_ids.put_nowait(job_id)

    tasks = [asyncio.create_task(forward(job_id, end_event)) for job_id, end_event in end_events.items()]
    try:
        yield ended_ids
    finally:
        await stop(*tasks)


async def _next(ended_ids: asyncio.Queue[str], seconds: float) -> list[str]:
    """Return every id published by now, after a wait of at most `seconds` for the first one; maybe none."""
    try:
        ids = [await asyncio.wait_for(ended_ids.get(), max(0.0, seconds))]
    except TimeoutError:
        return []
    while not ended_ids.empty():
        ids.append(ended_ids.get_nowait())
    return ids
