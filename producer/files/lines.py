"""Reads a file of lines in portions, none of them whole in memory; a portion can begin at any byte."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

LINES = 100
"""Lines in one portion: a few ms of Redis's time, and of the event loop's."""
BYTES = 1_000_000
"""Size at which a portion ends; a longer line goes alone."""


@dataclass(frozen=True)
class Line:
    """One line that is not blank. `number` is from 1, `offset` is its first byte, `next_offset` the next one's.

    `text` is None where the line is longer than allowed.
    """

    number: int
    offset: int
    next_offset: int
    text: bytes | None


@dataclass(frozen=True)
class Portion:
    """Some lines of a file, and where the next portion begins."""

    lines: tuple[Line, ...]
    number: int
    offset: int
    last: bool


def read_portion(path: Path, *, offset: int, number: int, most: int) -> Portion:
    """Return the lines from byte `offset` on, the first of which has the number after `number`."""
    lines: list[Line] = []
    taken = 0
    with path.open("rb") as file:
        for line in lines_of(file, offset, number, most):
            number, offset = line.number, line.next_offset
            if line.text is None or line.text.strip():
                lines.append(line)
                taken += len(line.text or b"")
            if len(lines) >= LINES or taken >= BYTES:
                return Portion(tuple(lines), number, offset, last=False)
    return Portion(tuple(lines), number, offset, last=True)


def read_line(path: Path, *, offset: int, number: int, most: int) -> Line:
    """Return the line that begins at a byte."""
    with path.open("rb") as file:
        return next(lines_of(file, offset, number - 1, most))


def lines_of(file: BinaryIO, offset: int, number: int, most: int) -> Iterator[Line]:
    """Yield the lines from byte `offset` on, blank ones too; the first has the number after `number`.

    A line of more than `most` bytes comes without its text, and the first one without a byte order mark.
    """
    file.seek(offset)
    while raw := file.readline(most + 1):
        text: bytes | None = raw if offset else raw.removeprefix(BOM_UTF8)
        end = offset + len(raw)
        if len(raw) > most and not raw.endswith(b"\n"):
            text, end = None, end + _skip(file, most)
        number += 1
        yield Line(number, offset, end, text)
        offset = end


def _skip(file: BinaryIO, step: int) -> int:
    """Read to the end of a line; returns how many bytes that was."""
    skipped = 0
    while raw := file.readline(step):
        skipped += len(raw)
        if raw.endswith(b"\n"):
            break
    return skipped
