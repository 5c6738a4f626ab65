"""What the clients do with a whole file: run it, or cancel what an interrupted run has in flight."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, closing
from pathlib import Path

from pointsman.router.vocabulary.errors import ConfigError, UnknownJob
from pointsman.router.vocabulary.facts import input_tokens, output_tokens
from pointsman.router.vocabulary.job import JobSpec, JobState

from ..client.progress import Progress
from ..client.retry import with_retries
from ..client.source import Items
from ..client.specs import JOBS, Job
from ..client.transports import ClientTransport
from .estimate import Estimate, Totals, estimate
from .input_file import Source, look_through, spooled
from .journal import open_journal
from .journal_format import Identity
from .line_job import Defaults, LineParser
from .options import BatchFields, Files, Input, files_of, sort_out
from .reader import LineReader
from .run import Run, check_same, run_name
from .summary import BatchSummary

MISTAKES_SHOWN = 10


async def estimate_file(transport: ClientTransport, path: Path, defaults: Defaults, *, retries: int) -> Estimate:
    """Return what a run of a file is expected to take; raises ConfigError."""
    source = await asyncio.to_thread(look_through, path)
    line_parser = LineParser(await with_retries(transport.names, retries=retries), defaults, "")
    totals, sample = await asyncio.to_thread(_read, source, line_parser, transport.explained_at_most)
    views = await with_retries(transport.models, retries=retries)
    found = await with_retries(lambda: transport.explain_many(sample), retries=retries)
    return estimate(totals, found, views)


def _read(source: Source, line_parser: LineParser, most: int) -> tuple[Totals, list[JobSpec]]:
    """Return what is true of all lines, and at most so many of them, evenly spread; blocks."""
    step = -(-source.jobs // most)
    jobs = bad = tokens_in = tokens_out = 0
    mistakes: list[str] = []
    sample: list[JobSpec] = []
    with closing(LineReader(source, line_parser, (), Path(tempfile.gettempdir()))) as line_reader:
        while (lines_read := line_reader.read_lines(JOBS)) is not None:
            bad += len(lines_read.bad)
            mistakes += [f"line {one.line}: {one.data['error']['message']}" for one in lines_read.bad]
            del mistakes[MISTAKES_SHOWN:]
            for item in lines_read.items:
                chat = item.spec.chat()
                tokens_in, tokens_out = tokens_in + input_tokens(chat), tokens_out + output_tokens(chat)
                if jobs % step == 0:
                    sample.append(item.spec)
                jobs += 1
    return Totals(jobs, bad, tokens_in, tokens_out, tuple(mistakes)), sample


AT_ONCE = 32


async def cancel_sent(
    transport: ClientTransport, path: Path, files: Files, defaults: Defaults, *, retries: int
) -> int:
    """Cancel the jobs of all lines that were submitted and have not ended; returns how many of them are cancelled.

    Their ids are asked for by submitting the lines again, which makes no second job of any. Raises ConfigError.
    """
    source = await asyncio.to_thread(look_through, path)
    names = await with_retries(transport.names, retries=retries)
    cancelled = 0
    with open_journal(files.journal, source.lines) as journal:
        for _ in journal.resume():
            pass
        if not journal.identity.sha256:
            raise ConfigError("there is no interrupted run", file=str(files.journal))
        check_same(journal, Identity(source.sha256, defaults.text))
        line_parser = LineParser(names, defaults, run_name(journal.identity))
        with closing(LineReader(source, line_parser, journal, journal.path.parent)) as line_reader:
            while (lines_read := await asyncio.to_thread(line_reader.read_lines, JOBS)) is not None:
                specs = [item.spec for item in lines_read.items if item.tag.number <= journal.sent]
                if specs:
                    cancelled += await _cancel(transport, await _ids(transport, specs, retries), retries)
                if lines_read.last >= journal.sent:
                    break
    return cancelled


async def _ids(transport: ClientTransport, specs: Sequence[JobSpec], retries: int) -> list[str]:
    return await with_retries(lambda: transport.submit_many(specs), retries=retries)


async def _cancel(transport: ClientTransport, job_ids: Sequence[str], retries: int) -> int:
    turn = asyncio.Semaphore(AT_ONCE)

    async def cancel(job_id: str) -> bool:
        async with turn:
            try:
                return await with_retries(lambda: transport.cancel(job_id), retries=retries) is JobState.CANCELLED
            except UnknownJob:
                return False

    return sum(await asyncio.gather(*map(cancel, job_ids)))


async def batch_steps(
    transport: ClientTransport,
    jobs: Input | Items[Job],
    output: Path | str | None,
    fields: BatchFields,
    *,
    retries: int,
) -> AsyncGenerator[Progress | BatchSummary, None]:
    """Run a file, or jobs that become one; yields the progress, and at last the summary."""
    options, errors, common = sort_out(fields)
    async with _file_of(jobs, output, errors) as (path, files):
        run = Run(transport, path, files, options, Defaults(common))
        async with aclosing(run.steps(retries=retries)) as steps:
            async for step in steps:
                yield step


async def cancel_batch(
    transport: ClientTransport,
    jobs: Input | Items[Job],
    output: Path | str | None,
    fields: BatchFields,
    *,
    retries: int,
) -> int:
    """Cancel the jobs of an interrupted run that have not ended, and return how many these are."""
    _, errors, common = sort_out(fields)
    async with _file_of(jobs, output, errors) as (path, files):
        return await cancel_sent(transport, path, files, Defaults(common), retries=retries)


async def estimate_batch(
    transport: ClientTransport, jobs: Input | Items[Job], fields: BatchFields, *, retries: int
) -> Estimate:
    """Return what a run is expected to take; nothing is sent, and nothing written."""
    _, _, common = sort_out(fields)
    defaults = Defaults(common)
    if isinstance(jobs, str | Path):
        return await estimate_file(transport, Path(jobs), defaults, retries=retries)
    async with spooled(jobs, Path(tempfile.gettempdir())) as path:
        return await estimate_file(transport, path, defaults, retries=retries)


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
