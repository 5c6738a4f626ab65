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

from ..client.progress import TELL_SECONDS, Pace, Progress
from ..client.retry import patiently
from ..client.transports import Door
from ..client.window import End, Flow, Item
from .input_file import Place, Source, SourceFile, look_through
from .journal import RESTART, Part, open_part
from .journal_format import OK, Ended, Identity
from .line_job import Defaults, Reader
from .line_result import failed, succeeded
from .options import Files, Options
from .reader import Feed
from .summary import BatchSummary, RunTally


def take_over(part: Part, wanted: Identity, files: Files, options: Options, tally: RunTally) -> None:
    """Make the part file that of the wanted run, and count what it has of it; blocks. Raises ConfigError."""
    if options.restart:
        part.begin(Identity(wanted.sha256, wanted.defaults, secrets.token_hex(8)))
        return
    for entry in part.resume():
        tally.count(succeeded=entry.kind == OK, model=entry.model, cost_usd=entry.cost_usd, earlier=True)
    if part.identity.sha256:
        check_same(part, wanted)
        return
    for path in (files.output, files.errors):
        if path.exists():
            raise ConfigError(f"it is there already; {RESTART}", file=str(path))
    part.begin(wanted)


def check_same(part: Part, wanted: Identity) -> None:
    """Raise ConfigError where an interrupted run is of another file, or of other options."""
    begun = part.identity
    if begun.sha256 != wanted.sha256:
        what = "the input is another than that of the interrupted run, or has changed since"
        raise ConfigError(f"{what}; {RESTART}", file=str(part.path))
    if begun.defaults != wanted.defaults:
        raise ConfigError(
            f"the interrupted run had other options: {_words(begun.defaults)}; {RESTART}", file=str(part.path)
        )


def run_name(identity: Identity) -> str:
    """Return the name of a run, in which the ids of its jobs are unique: the same for the same file and options."""
    text = "\n".join((identity.sha256, identity.defaults, identity.salt))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _words(defaults: str) -> str:
    return ", ".join(f"{name} {value}" for name, value in json.loads(defaults).items())


PATIENT_RETRIES = 200
"""About a quarter of an hour: a run of hours outlives a restart of the API, which is no reason to end it."""
MISTAKES_SHOWN = 10


class Run:
    """One run of one file; `steps` is to be iterated once."""

    def __init__(self, door: Door, path: Path, files: Files, options: Options, defaults: Defaults) -> None:
        self._door, self._path, self._files, self._options, self._defaults = door, path, files, options, defaults
        self._tally = RunTally()

    async def steps(self, *, retries: int) -> AsyncGenerator[Progress | BatchSummary, None]:
        """Yield the progress some times a second, and at last the summary; raises ConfigError, StoreUnavailable."""
        source = await asyncio.to_thread(look_through, self._path)
        names = await patiently(self._door.names, retries=retries)
        await patiently(self._door.models, retries=retries)  # to find nobody there is no time for patience yet
        if self._options.strict:
            unnamed = Reader(names, self._defaults, "")
            await asyncio.to_thread(check_all, source, unnamed, self._files.part.parent)
        with open_part(self._files.part, source.lines) as part:
            wanted = Identity(source.sha256, self._defaults.text)
            await asyncio.to_thread(take_over, part, wanted, self._files, self._options, self._tally)
            self._tally.total = source.jobs
            reader = Reader(names, self._defaults, run_name(part.identity))
            async with aclosing(self._until_all_ended(source, reader, part)) as progress:
                async for seen in progress:
                    yield seen
            await asyncio.to_thread(part.write_out, self._files.output, self._files.errors)
            part.remove()
        yield self._tally.summary(self._files)

    async def _until_all_ended(self, source: Source, reader: Reader, part: Part) -> AsyncGenerator[Progress, None]:
        with ExitStack() as stack:
            feed = stack.enter_context(closing(Feed(source, reader, part, part.path.parent)))
            file = stack.enter_context(closing(SourceFile(source)))

            async def take(most: int) -> Sequence[Item[Place]] | None:
                return await self._take(feed, part, most)

            tell, pace = self._tally.note_trouble, Pace()
            yield self._tally.progress()
            async with Flow(
                self._door, take, window=self._options.window, retries=PATIENT_RETRIES, tell=tell
            ) as flow:
                while (ends := await flow.ends(TELL_SECONDS)) is not None:
                    for end in ends:
                        self._keep(part, ended(end, file, reader))
                    if pace.due():
                        yield self._tally.progress()
            yield self._tally.progress()

    async def _take(self, feed: Feed, part: Part, most: int) -> Sequence[Item[Place]] | None:
        looked = await asyncio.to_thread(feed.look, most)
        if looked is None:
            return None
        for bad in looked.bad:
            self._keep(part, bad)
        if looked.items:
            part.note_sent(looked.items[-1].tag.number)
        self._tally.submitted += len(looked.items) + len(looked.bad)
        return looked.items

    def _keep(self, part: Part, end: Ended) -> None:
        part.add(end)
        self._tally.count(succeeded=end.succeeded, model=end.model, cost_usd=end.cost_usd)


def ended(end: End[Place], file: SourceFile, reader: Reader) -> Ended:
    """Return how the line of a job ended."""
    line = file.line(end.tag)
    if end.record is None or end.record.result is None:
        return failed(line, end.record, end.error)
    return succeeded(line, reader.job_of(line), end.record)


def check_all(source: Source, reader: Reader, folder: Path) -> None:
    """Raise ConfigError where one of the lines can not be done; blocks."""
    mistakes: list[str] = []
    with closing(Feed(source, reader, (), folder)) as feed:
        while (looked := feed.look(source.jobs)) is not None:
            mistakes += [f"line {bad.line}: {bad.data['error']['message']}" for bad in looked.bad]
    if mistakes:
        more = len(mistakes) - MISTAKES_SHOWN
        shown = [*mistakes[:MISTAKES_SHOWN], *([f"and {more} more"] if more > 0 else [])]
        raise ConfigError("nothing was sent:\n  " + "\n  ".join(shown), file=str(source.path))
