"""Runs a file of lines: submits them in a window, keeps each end in the part file, writes the output in order."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, aclosing, closing
from pathlib import Path

from pointsman.router.vocabulary.errors import ConfigError

from ..client.progress import PROGRESS_SECONDS, Progress, ProgressTimer
from ..client.retry import with_retries
from ..client.transports import ClientTransport
from ..client.window import Item, JobEnd, JobWindow
from ..vendor_apis.openai.batch_line import BadLine
from .input_file import LinePosition, Source, SourceFile, look_through
from .journal import RESTART, Journal, open_journal
from .journal_format import OK, Ended, Identity
from .line_job import Defaults, LineParser
from .line_result import failed, succeeded
from .options import Files, RunOptions
from .reader import LineReader
from .summary import BatchSummary, RunTally


def take_over(journal: Journal, wanted: Identity, files: Files, options: RunOptions, tally: RunTally) -> None:
    """Make the part file that of the wanted run, and count what it has of it; blocks. Raises ConfigError."""
    if options.restart:
        journal.begin(Identity(wanted.sha256, wanted.defaults, secrets.token_hex(8)))
        return
    for entry in journal.resume():
        tally.count(succeeded=entry.kind == OK, model=entry.model, cost_usd=entry.cost_usd, earlier=True)
    if journal.identity.sha256:
        check_same(journal, wanted)
        return
    for path in (files.output, files.errors):
        if path.exists():
            raise ConfigError(f"it is there already; {RESTART}", file=str(path))
    journal.begin(wanted)


def check_same(journal: Journal, wanted: Identity) -> None:
    """Raise ConfigError where an interrupted run is of another file, or of other options."""
    begun = journal.identity
    if begun.sha256 != wanted.sha256:
        what = "the input is another than that of the interrupted run, or has changed since"
        raise ConfigError(f"{what}; {RESTART}", file=str(journal.path))
    if begun.defaults != wanted.defaults:
        raise ConfigError(
            f"the interrupted run had other options: {_words(begun.defaults)}; {RESTART}", file=str(journal.path)
        )


def run_name(identity: Identity) -> str:
    """Return the name of a run, in which the ids of its jobs are unique: the same for the same file and options."""
    text = "\n".join((identity.sha256, identity.defaults, identity.salt))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _words(defaults: str) -> str:
    return ", ".join(f"{name} {value}" for name, value in json.loads(defaults).items())


RUN_RETRIES = 200
"""About a quarter of an hour: a run of hours outlives a restart of the API, which is no reason to end it."""
MISTAKES_SHOWN = 10


class Run:
    """One run of one file; `steps` is to be iterated once."""

    def __init__(
        self, transport: ClientTransport, path: Path, files: Files, options: RunOptions, defaults: Defaults
    ) -> None:
        self._transport, self._path, self._files, self._options, self._defaults = (
            transport,
            path,
            files,
            options,
            defaults,
        )
        self._tally = RunTally()

    async def steps(self, *, retries: int) -> AsyncGenerator[Progress | BatchSummary, None]:
        """Yield the progress some times a second, and at last the summary; raises ConfigError, StoreUnavailable."""
        source = await asyncio.to_thread(look_through, self._path)
        names = await with_retries(self._transport.names, retries=retries)
        await with_retries(
            self._transport.models, retries=retries
        )  # to find nobody there is no time for patience yet
        if self._options.strict:
            unnamed = LineParser(names, self._defaults, "")
            await asyncio.to_thread(check_all, source, unnamed, self._files.journal.parent)
        with open_journal(self._files.journal, source.lines) as journal:
            wanted = Identity(source.sha256, self._defaults.text)
            await asyncio.to_thread(take_over, journal, wanted, self._files, self._options, self._tally)
            self._tally.total = source.jobs
            line_parser = LineParser(names, self._defaults, run_name(journal.identity))
            async with aclosing(self._until_all_ended(source, line_parser, journal)) as progress:
                async for step in progress:
                    yield step
            await asyncio.to_thread(journal.write_out, self._files.output, self._files.errors)
            journal.remove()
        yield self._tally.summary(self._files)

    async def _until_all_ended(
        self, source: Source, line_parser: LineParser, journal: Journal
    ) -> AsyncGenerator[Progress, None]:
        with ExitStack() as stack:
            line_reader = stack.enter_context(
                closing(LineReader(source, line_parser, journal, journal.path.parent))
            )
            file = stack.enter_context(closing(SourceFile(source)))

            async def take(most: int) -> Sequence[Item[LinePosition]] | None:
                return await self._take(line_reader, journal, most)

            on_trouble, timer = self._tally.note_trouble, ProgressTimer()
            yield self._tally.progress()
            async with JobWindow(
                self._transport, take, window=self._options.window, retries=RUN_RETRIES, on_trouble=on_trouble
            ) as job_window:
                while (ends := await job_window.next_ends(PROGRESS_SECONDS)) is not None:
                    for end in ends:
                        self._keep(journal, ended(end, file, line_parser))
                    if timer.due():
                        yield self._tally.progress()
            yield self._tally.progress()

    async def _take(
        self, line_reader: LineReader, journal: Journal, most: int
    ) -> Sequence[Item[LinePosition]] | None:
        lines_read = await asyncio.to_thread(line_reader.read_lines, most)
        if lines_read is None:
            return None
        for bad in lines_read.bad:
            self._keep(journal, bad)
        if lines_read.items:
            journal.note_sent(lines_read.items[-1].tag.number)
        self._tally.submitted += len(lines_read.items) + len(lines_read.bad)
        return lines_read.items

    def _keep(self, journal: Journal, end: Ended) -> None:
        journal.add(end)
        self._tally.count(succeeded=end.succeeded, model=end.model, cost_usd=end.cost_usd)


def ended(end: JobEnd[LinePosition], file: SourceFile, line_parser: LineParser) -> Ended:
    """Return how the line of a job ended."""
    line = file.line(end.tag)
    if end.record is None or end.record.result is None:
        return failed(line, end.record, end.error)
    try:
        job = line_parser.job_of(line)
    except BadLine:  # it was a good one when it was sent
        file.check(now=True)
        raise
    return succeeded(line, job, end.record)


def check_all(source: Source, line_parser: LineParser, folder: Path) -> None:
    """Raise ConfigError where one of the lines cannot be done; blocks."""
    mistakes: list[str] = []
    with closing(LineReader(source, line_parser, (), folder)) as line_reader:
        while (lines_read := line_reader.read_lines(source.jobs)) is not None:
            mistakes += [f"line {bad.line}: {bad.data['error']['message']}" for bad in lines_read.bad]
    if mistakes:
        more = len(mistakes) - MISTAKES_SHOWN
        shown = [*mistakes[:MISTAKES_SHOWN], *([f"and {more} more"] if more > 0 else [])]
        raise ConfigError("nothing was sent:\n  " + "\n  ".join(shown), file=str(source.path))
