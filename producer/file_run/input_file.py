"""The input of a run: a file of lines, known by the hash of its content; what is no file becomes one."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import time
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic_core import to_json

from pointsman.router.vocabulary.errors import ConfigError
from pointsman.router.vocabulary.job import JobSpec

from ..client.source import Items, ItemSource
from ..client.specs import Job
from ..files.lines import Line, lines_of

LINE_BYTES = 10_000_000
"""What the API takes by default; a longer line could not be submitted."""
PIECE_BYTES = 1_000_000
SPOOLED_AT_ONCE = 500
LOOK_AGAIN_FACTOR = 20
"""A file that keeps changing is read anew for one part in so many of the time."""


class LinePosition(NamedTuple):
    """Where a line stands: its number, from 1, and its first byte."""

    number: int
    offset: int


@dataclass(frozen=True)
class Source:
    """A file as it was when it was looked through: its hash, its lines, and how many of them are not blank."""

    path: Path
    sha256: str
    size: int
    lines: int
    jobs: int
    changed_ns: int


def look_through(path: Path) -> Source:
    """Return what is known of a file; blocks. Raises ConfigError where it cannot be read, or has no lines."""
    digest, size, lines, jobs = hashlib.sha256(), 0, 0, 0
    with reading(path), path.open("rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError("this is no file that can be read again; - reads standard input", file=str(path))
        begun = blank = True
        while piece := file.readline(PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
            lines += begun
            blank = (blank or begun) and not (piece if lines > 1 else piece.removeprefix(BOM_UTF8)).strip()
            begun = piece.endswith(b"\n")
            jobs += begun and not blank
        jobs += not begun and not blank
    if not jobs:
        raise ConfigError("there are no lines in it", file=str(path))
    return Source(path, digest.hexdigest(), size, lines, jobs, found.st_mtime_ns)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a file into an error that names it."""
    try:
        yield
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror or error}", file=str(path)) from error


@asynccontextmanager
async def spooled(jobs: Items[Job], folder: Path) -> AsyncIterator[Path]:
    """Yield a file of lines with the jobs in it, so that they can be read again; it goes with the block."""
    item_source = ItemSource(jobs)
    with tempfile.NamedTemporaryFile("wb", dir=folder, prefix="batch-", suffix=".jsonl") as file:
        try:
            while (some := await item_source.take(SPOOLED_AT_ONCE)) is not None:
                file.write(b"".join(to_json(_fields(job)) + b"\n" for job in some))
        finally:
            await item_source.close()
        file.flush()
        yield Path(file.name)


def _fields(job: Job) -> object:
    if isinstance(job, str):
        return {"prompt": job}
    return job.model_dump(mode="json", exclude_unset=True) if isinstance(job, JobSpec) else job


class SourceFile:
    """The file while it is worked on, no further than it was when it was looked through.

    Each look at it raises ConfigError where its lines are not those of `source` any more; more may follow them.
    """

    def __init__(self, source: Source) -> None:
        self._source, self._changed_ns, self._look_again_at = source, source.changed_ns, 0.0
        with reading(source.path):
            self._once = source.path.open("rb")
            self._again = source.path.open("rb")

    def lines(self) -> Iterator[Line]:
        """Yield all lines that are not blank, from the first."""
        for line in lines_of(self._once, 0, 0, LINE_BYTES):
            if line.offset >= self._source.size:
                break
            self.check()
            if line.text is None or line.text.strip():
                yield line
        self.check(now=True)

    def line(self, offset: LinePosition) -> Line:
        """Return one line again."""
        self.check()
        found = next(lines_of(self._again, offset.offset, offset.number - 1, LINE_BYTES), None)
        if found is None:
            raise self._rewritten()
        return found

    def check(self, *, now: bool = False) -> None:
        """Raise ConfigError where the file was rewritten; one that keeps growing is read anew only now and then."""
        found = os.fstat(self._again.fileno())
        if found.st_size < self._source.size:
            raise self._rewritten()
        if found.st_mtime_ns == self._changed_ns or (time.monotonic() < self._look_again_at and not now):
            return
        began = time.monotonic()
        if self._digest() != self._source.sha256:
            raise self._rewritten()
        self._changed_ns, ended = found.st_mtime_ns, time.monotonic()
        self._look_again_at = ended + LOOK_AGAIN_FACTOR * (ended - began)

    def _digest(self) -> str:
        digest, left = hashlib.sha256(), self._source.size
        self._again.seek(0)
        while left and (piece := self._again.read(min(left, PIECE_BYTES))):
            digest.update(piece)
            left -= len(piece)
        return digest.hexdigest()

    def _rewritten(self) -> ConfigError:
        what = (
            "it was rewritten while the run was reading it; with its lines as they were, the same command goes on"
        )
        return ConfigError(what, file=str(self._source.path))

    def close(self) -> None:
        """Close the file."""
        self._once.close()
        self._again.close()
