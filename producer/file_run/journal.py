"""The part file of a run: keeps what has ended until all has, for this run or for one that goes on with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pointsman.router.runtime.file_lock import try_lock
from pointsman.router.vocabulary.errors import ConfigError

from .disk_tables import DiskArray
from .journal_format import (
    OK,
    SENT,
    Ended,
    Entry,
    Identity,
    content,
    ended_line,
    entries,
    header_line,
    read_header,
    sent_line,
)

RESTART = "--restart begins anew, and pays again for what it has"


class Journal:
    """An open part file, locked; `line in part` says whether a line has ended. `sent` as in part_file."""

    def __init__(self, path: Path, file: BinaryIO, lines: int) -> None:
        self.path, self.sent = path, 0
        self.identity = Identity("", "")
        self._file = file
        self._offsets = DiskArray(lines + 1, path.parent)
        self._end = 0

    def begin(self, identity: Identity) -> None:
        """Throw away what is in the file, and begin a run."""
        self.identity, self.sent = identity, 0
        self._file.truncate(0)
        self._end = 0
        self._append(header_line(identity))

    def resume(self) -> Iterator[Entry]:
        """Read what an earlier run has left, and yield how lines ended; what is torn at the end is cut off.

        Yields nothing, and `identity` is empty, where the run had not begun. Raises ConfigError where the file is
        none of ours.
        """
        self._file.seek(0)
        first = self._file.readline()
        identity = read_header(first) if first.endswith(b"\n") else None
        if identity is None:
            if first.endswith(b"\n"):
                raise ConfigError(f"this is no file of an interrupted run; {RESTART}", file=str(self.path))
            return
        self.identity, self._end = identity, len(first)
        for entry in entries(self._file):
            self._end = entry.next_offset
            if entry.kind == SENT:
                self.sent = max(self.sent, entry.line)
            elif 0 < entry.line < self._offsets.length and entry.line not in self:
                self._offsets[entry.line] = entry.offset
                yield entry
        self._file.truncate(self._end)
        self._file.seek(0, os.SEEK_END)

    def __contains__(self, line: object) -> bool:
        return isinstance(line, int) and self._offsets[line] != 0  # the header stands at 0

    def note_sent(self, line: int) -> None:
        """Note, before it is done, that lines up to this one are submitted."""
        if line > self.sent:
            self.sent = line
            self._append(sent_line(line))

    def add(self, ended: Ended) -> None:
        """Keep how a line ended."""
        self._offsets[ended.line] = self._end
        self._append(ended_line(ended))

    def _append(self, line: bytes) -> None:
        with writing(self.path):
            self._file.write(line)
            self._file.flush()
        self._end += len(line)

    def write_out(self, output: Path, failures: Path) -> None:
        """Put the output and the failures in their places, in the order of the input; blocks.

        Both are whole before they get their names, and this can be repeated. Without failures they have no file.
        """
        drafts = {path: path.with_name(f"{path.name}.draft") for path in (output, failures)}
        failed = False
        with writing(output), drafts[output].open("wb") as good, drafts[failures].open("wb") as bad:
            for offset in self._offsets:
                if offset:
                    kind, data = content(self._line(offset))
                    (good if kind == OK else bad).write(data)
                    failed = failed or kind != OK
            for file in (good, bad):
                file.flush()
                os.fsync(file.fileno())
        with writing(output):
            drafts[output].replace(output)
            if failed:
                drafts[failures].replace(failures)
            else:
                drafts[failures].unlink()
                failures.unlink(missing_ok=True)

    def _line(self, offset: int) -> bytes:
        self._file.seek(offset)
        return self._file.readline()

    def remove(self) -> None:
        """Delete the file: all is in the output."""
        with writing(self.path):
            self.path.unlink()

    def close(self) -> None:
        """Let the file go; what is in it stays, and where nothing is, neither is the file."""
        if os.fstat(self._file.fileno()).st_size == 0:
            self.path.unlink(missing_ok=True)
        with suppress(OSError):  # what could not be written is reported already
            self._file.close()
        self._offsets.close()


@contextmanager
def open_journal(path: Path, lines: int) -> Iterator[Journal]:
    """Yield the part file, made where there is none, and locked until the end of the block; raises ConfigError."""
    with writing(path):
        file = path.open("a+b")
    try:
        _lock(path, file)
        journal = Journal(path, file, lines)
    except BaseException:
        file.close()
        raise
    try:
        yield journal
    finally:
        journal.close()


def _lock(path: Path, file: BinaryIO) -> None:
    try:
        # who had the lock until now may have finished, and deleted the file
        ours = try_lock(file, what="a file run") and os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        ours = False
    if not ours:
        raise ConfigError("another run writes to it now", file=str(path))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a file into an error that names it."""
    try:
        yield
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror or error}", file=str(path)) from error
