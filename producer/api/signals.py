"""What else happens while a job is read for a caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from router.stopping import stop

from .long_poll import hung_up
from .waiting import Caller

HEAD_SECONDS = 1.0
"""How long the head of a reply waits for the first words: a job that fails in this time has a status of its own."""


@dataclass(frozen=True)
class Signals:
    """Tasks that are done once the caller is gone, the server ends, the head is due, the wait is over."""

    gone: asyncio.Task[Any]
    stopping: asyncio.Task[Any]
    head_due: asyncio.Task[Any]
    wait_over: asyncio.Task[Any]


@asynccontextmanager
async def watching(caller: Caller, wake: Callable[[], None]) -> AsyncIterator[Signals]:
    """Yield the signals of one caller; `wake` is called at each."""
    tasks = [
        asyncio.create_task(hung_up(caller.request)),
        asyncio.create_task(caller.asker.backend.stopping.wait()),
        asyncio.create_task(asyncio.sleep(HEAD_SECONDS)),
        asyncio.create_task(asyncio.sleep(caller.seconds)),
    ]
    for task in tasks:
        task.add_done_callback(lambda _: wake())
    try:
        yield Signals(*tasks)
    finally:
        await stop(*tasks)
