"""Looks through a file without sending any of it, and asks where a sample of its lines would go."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import closing
from pathlib import Path

from router.job import JobSpec
from router.tokens import input_tokens, output_tokens

from ..chunks import JOBS
from ..doors import Door
from ..patience import patiently
from .asking import Defaults, Reader
from .estimate import Estimate, Totals, estimate
from .feed import Feed
from .source import Source, look_through

MISTAKES_SHOWN = 10


async def estimate_file(door: Door, path: Path, defaults: Defaults, *, retries: int) -> Estimate:
    """Return what a run of a file is expected to take; raises ConfigError."""
    source = await asyncio.to_thread(look_through, path)
    reader = Reader(await patiently(door.names, retries=retries), defaults, "")
    totals, sample = await asyncio.to_thread(_read, source, reader, door.explained_at_most)
    views = await patiently(door.models, retries=retries)
    found = await patiently(lambda: door.explain_many(sample), retries=retries)
    return estimate(totals, found, views)


def _read(source: Source, reader: Reader, most: int) -> tuple[Totals, list[JobSpec]]:
    """Return what is true of all lines, and at most so many of them, evenly spread; blocks."""
    step = -(-source.jobs // most)
    jobs = bad = tokens_in = tokens_out = 0
    mistakes: list[str] = []
    sample: list[JobSpec] = []
    with closing(Feed(source, reader, (), Path(tempfile.gettempdir()))) as feed:
        while (looked := feed.look(JOBS)) is not None:
            bad += len(looked.bad)
            mistakes += [f"line {one.line}: {one.data['error']['message']}" for one in looked.bad]
            del mistakes[MISTAKES_SHOWN:]
            for item in looked.items:
                chat = item.spec.chat()
                tokens_in, tokens_out = tokens_in + input_tokens(chat), tokens_out + output_tokens(chat)
                if jobs % step == 0:
                    sample.append(item.spec)
                jobs += 1
    return Totals(jobs, bad, tokens_in, tokens_out, tuple(mistakes)), sample
