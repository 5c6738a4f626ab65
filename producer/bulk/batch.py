"""What the clients do with a whole file: run it, or cancel what an interrupted run has in flight."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from ..doors import Door
from ..progress import Progress
from ..pulling import Items
from ..specs import Job
from .asking import Defaults
from .cancelling import cancel_sent
from .estimate import Estimate
from .estimating import estimate_file
from .options import BatchFields, Files, Input, files_of, sort_out
from .run import Run
from .source import spooled
from .summary import BatchSummary


async def batch_steps(
    door: Door, jobs: Input | Items[Job], output: Path | str | None, fields: BatchFields, *, retries: int
) -> AsyncGenerator[Progress | BatchSummary, None]:
    """Run a file, or jobs that become one; yields the progress, and at last the summary."""
    options, errors, common = sort_out(fields)
    async with _file_of(jobs, output, errors) as (path, files):
        run = Run(door, path, files, options, Defaults(common))
        async with aclosing(run.steps(retries=retries)) as steps:
            async for step in steps:
                yield step


async def cancel_batch(
    door: Door, jobs: Input | Items[Job], output: Path | str | None, fields: BatchFields, *, retries: int
) -> int:
    """Cancel the jobs of an interrupted run that have not ended, and return how many these are."""
    _, errors, common = sort_out(fields)
    async with _file_of(jobs, output, errors) as (path, files):
        return await cancel_sent(door, path, files, Defaults(common), retries=retries)


async def estimate_batch(door: Door, jobs: Input | Items[Job], fields: BatchFields, *, retries: int) -> Estimate:
    """Return what a run is expected to take; nothing is sent, and nothing written."""
    _, _, common = sort_out(fields)
    defaults = Defaults(common)
    if isinstance(jobs, str | Path):
        return await estimate_file(door, Path(jobs), defaults, retries=retries)
    async with spooled(jobs, Path(tempfile.gettempdir())) as path:
        return await estimate_file(door, path, defaults, retries=retries)


@asynccontextmanager
async def _file_of(
    jobs: Input | Items[Job], output: Path | str | None, errors: Path | None
) -> AsyncIterator[tuple[Path, Files]]:
    if isinstance(jobs, str | Path):
        path = Path(jobs)
        yield path, files_of(path, output, errors)
        return
    files = files_of(None, output, errors)
    async with spooled(jobs, files.output.parent) as path:
        yield path, files
