"""The steps of a batch: validate its input, submit its lines, write its output. Each can be repeated."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence

from pointsman.router.vocabulary.batch import BatchStatus
from pointsman.router.vocabulary.job import JobRecord

from ..files import new_file_id
from ..files.lines import Line, Portion
from .check import Check
from .end import LineResult, line_result
from .inputs import release_files
from .output import Writing
from .submit import make_jobs, only
from .work import Work

LOOK_AGAIN_SECONDS = 60.0
"""The script that ends the last job calls for a look; this is for a call that was lost."""
NOT_YET_SECONDS = 5.0
GIVE_UP_SECONDS = 600.0
"""So long after its time a batch waits for no job: no dispatcher runs to expire it, or Redis has lost it."""
CANCELS = 200


async def validate(work: Work) -> bool:
    """Check the whole input; returns whether there is more to do now."""
    check = Check(work.batch.endpoint, await work.wanted())
    portion: Portion | None = None
    async for portion in work.portions():
        await asyncio.to_thread(check.add, portion)
        if not await work.renewed():
            return False
        if check.hopeless:
            break
    check.end()
    if check.errors:
        await fail(work, check.errors)
        return False
    last_line = portion.number if portion else 0
    return await work.batches.advance(
        work.held, BatchStatus.IN_PROGRESS, fields={"total": check.total, "last_line": last_line}
    )


async def fail(work: Work, errors: list[dict[str, object]]) -> None:
    """End a batch whose input cannot be used."""
    if await work.batches.advance(work.held, BatchStatus.FAILED, fields={"errors": json.dumps(errors)}):
        await _release_files(work)


async def submit(work: Work) -> bool:
    """Submit the lines from where somebody came to, then wait for their ends elsewhere."""
    if work.batch.jobs is None and not await _submit_rest(work):
        return False
    if not work.batch.all_ended:
        if await work.batches.seconds_late(work.batch) < GIVE_UP_SECONDS:
            await work.batches.advance(work.held, later_seconds=LOOK_AGAIN_SECONDS)
            return False
        await _cancel_rest(work)
    return await work.batches.advance(work.held, BatchStatus.FINALIZING)


async def _submit_rest(work: Work) -> bool:
    wanted = await work.wanted()
    async for portion in work.portions(offset=work.batch.offset, number=work.batch.line):
        batch = work.batch
        lines = portion.lines if wanted is None else await asyncio.to_thread(only, wanted, portion.lines)
        made = await asyncio.to_thread(make_jobs, batch, lines, work.jobs)
        if not await work.batches.submit(batch, made.lines):
            return False
        refused = batch.refused + len(made.refused)
        progress = {"line": portion.number, "offset": portion.offset, "refused": refused}
        if portion.last:
            progress["jobs"] = batch.total - refused
        if not await work.batches.advance(work.held, refused=made.refused, fields=progress):
            return False
    return True


async def finish(work: Work) -> bool:
    """Write how every line ended, and end the batch."""
    if work.batch.last_line == 0:  # cancelled before anything of it was known
        await work.batches.advance(work.held, BatchStatus.CANCELLED)
        await _release_files(work)
        return False
    if not await _name_files(work):
        return False
    if work.batch.status is BatchStatus.CANCELLING and not await _cancel_rest(work):
        return False
    writing = await asyncio.to_thread(Writing, work.folder, work.batch)
    try:
        if await _write(work, writing):
            output, error = await asyncio.to_thread(writing.keep, now=time.time())
            await _end(work, writing, output, error)
    finally:
        await asyncio.to_thread(writing.drop)
    return False


async def _name_files(work: Work) -> bool:
    """Give the files their ids before they are written, so that whoever repeats this writes the same ones."""
    if work.batch.output_file_id:
        return True
    names = {"output_file_id": new_file_id(), "error_file_id": new_file_id()}
    return await work.batches.advance(work.held, fields=names)


async def _cancel_rest(work: Work) -> bool:
    """Cancel what has not ended, of every line: the last to be submitted may not be noted."""
    for first in range(1, work.batch.last_line + 1, CANCELS):
        lines = range(first, min(first + CANCELS, work.batch.last_line + 1))
        await work.batches.cancel_jobs(work.batch, lines)
        if not await work.renewed():
            return False
    return True


async def _write(work: Work, writing: Writing) -> bool:
    wanted = await work.wanted()
    async for portion in work.portions():
        lines = portion.lines if wanted is None else await asyncio.to_thread(only, wanted, portion.lines)
        jobs = await work.batches.jobs(work.batch, [line.number for line in lines])
        line_results = await asyncio.to_thread(_line_results, work, lines, jobs)
        if line_results is None:  # somebody let a dead letter begin anew
            await work.batches.advance(work.held, later_seconds=NOT_YET_SECONDS)
            return False
        await asyncio.to_thread(writing.add, line_results, jobs)
        if not await work.renewed():
            return False
    return True


def _line_results(work: Work, lines: Sequence[Line], jobs: Sequence[JobRecord | None]) -> list[LineResult] | None:
    found = []
    for line, job in zip(lines, jobs, strict=True):
        result = line_result(work.batch, line, job, work.jobs)
        if result is None:
            return None
        found.append(result)
    return found


async def _end(work: Work, writing: Writing, output: str, error: str) -> None:
    if work.batch.status is BatchStatus.CANCELLING:
        to = BatchStatus.CANCELLED
    else:
        to = BatchStatus.EXPIRED if writing.expired else BatchStatus.COMPLETED
    summary = {"completed": writing.completed, "failed": writing.failed, "models": writing.models}
    fields = {"output_file_id": output, "error_file_id": error, "summary": json.dumps(summary)}
    if await work.batches.advance(work.held, to, fields=fields):
        await _release_files(work)


async def _release_files(work: Work) -> None:
    await asyncio.to_thread(release_files, work.folder, work.batch.tenant, work.batch.id)
