"""Cancels what an interrupted run has in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from router.errors import ConfigError, UnknownJob
from router.job import JobSpec, JobState

from ..chunks import JOBS
from ..doors import Door
from ..patience import patiently
from .asking import Defaults, Reader
from .feed import Feed
from .options import Files
from .part import open_part
from .part_file import Identity
from .source import look_through
from .takeover import check_same, run_name

AT_ONCE = 32


async def cancel_sent(door: Door, path: Path, files: Files, defaults: Defaults, *, retries: int) -> int:
    """Cancel the jobs of all lines that were submitted and have not ended; returns how many of them are cancelled.

    Their ids are asked for by submitting the lines again, which makes no second job of any. Raises ConfigError.
    """
    source = await asyncio.to_thread(look_through, path)
    names = await patiently(door.names, retries=retries)
    cancelled = 0
    with open_part(files.part, source.lines) as part:
        for _ in part.resume():
            pass
        if not part.identity.sha256:
            raise ConfigError("there is no interrupted run", file=str(files.part))
        check_same(part, Identity(source.sha256, defaults.text))
        reader = Reader(names, defaults, run_name(part.identity))
        with closing(Feed(source, reader, part, part.path.parent)) as feed:
            while (looked := await asyncio.to_thread(feed.look, JOBS)) is not None:
                specs = [item.spec for item in looked.items if item.tag.number <= part.sent]
                if specs:
                    cancelled += await _cancel(door, await _ids(door, specs, retries), retries)
                if looked.last >= part.sent:
                    break
    return cancelled


async def _ids(door: Door, specs: Sequence[JobSpec], retries: int) -> list[str]:
    return await patiently(lambda: door.submit_many(specs), retries=retries)


async def _cancel(door: Door, job_ids: Sequence[str], retries: int) -> int:
    turn = asyncio.Semaphore(AT_ONCE)

    async def cancel(job_id: str) -> bool:
        async with turn:
            try:
                return await patiently(lambda: door.cancel(job_id), retries=retries) is JobState.CANCELLED
            except UnknownJob:
                return False

    return sum(await asyncio.gather(*map(cancel, job_ids)))
