"""Tells of jobs as they end, over breaks of the connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from pointsman.router.vocabulary.errors import StoreUnavailable
from pointsman.router.vocabulary.job import JobRecord

from .retry import OnTrouble, delay_seconds, ignore_trouble
from .transports import ClientTransport

HELD_SECONDS = 10.0


async def finished(
    transport: ClientTransport, waiting: dict[str, None], *, retries: int, on_trouble: OnTrouble = ignore_trouble
) -> AsyncGenerator[JobRecord, None]:
    """Yield the record of each job when it has ended, and take it out of `waiting`.

    Raises StoreUnavailable after `retries` further tries; one that held for a while, or brought an end, was none.
    """
    clock = asyncio.get_running_loop().time
    failures = 0
    while waiting:
        began = clock()
        try:
            async with aclosing(transport.finished(list(waiting))) as records:
                async for record in records:
                    failures = 0
                    on_trouble("")
                    del waiting[record.id]
                    yield record
        except StoreUnavailable as error:
            if clock() - began > HELD_SECONDS:
                failures = 0
            elif failures >= retries:
                raise
            on_trouble(str(error))
            await asyncio.sleep(delay_seconds(failures, error))
            failures += 1
