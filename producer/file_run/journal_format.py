"""How the part file of a run is written: lines that are only ever appended, and what a torn one means.

The first line is a JSON object that says what the run is of. Then come, in any order:

    <line> sent                      every line up to this one may have been submitted
    <line> ok <model> <cost> <JSON>  the line has ended; the JSON is its line of the output
    <line> failed   <JSON>           the line has no answer; the JSON is its line of the file of failures

with tabs between, of which there is none in JSON; the cost is empty where it is not known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from pydantic_core import to_json

SENT, OK, FAILED = b"sent", b"ok", b"failed"


@dataclass(frozen=True)
class Identity:
    """What a run is of: the content of a file, and what is asked of all lines; `salt` tells repeats apart."""

    sha256: str
    defaults: str
    salt: str = ""


@dataclass(frozen=True)
class Ended:
    """How one line ended."""

    line: int
    succeeded: bool
    data: dict[str, Any]
    model: str = ""
    cost_usd: float | None = None


@dataclass(frozen=True)
class Entry:
    """One line of a part file. `offset` is its first byte, `next_offset` that of the next; `kind` as above."""

    offset: int
    next_offset: int
    line: int
    kind: bytes
    model: str = ""
    cost_usd: float | None = None


def header_line(identity: Identity) -> bytes:
    """Return the first line."""
    header = {"pointsman_batch": 1, **vars(identity)}
    return json.dumps(header).encode() + b"\n"


def read_header(line: bytes) -> Identity | None:
    """Return what the first line says, None where it is none of ours."""
    try:
        header = json.loads(line)
        return (
            Identity(header["sha256"], header["defaults"], header["salt"])
            if header["pointsman_batch"] == 1
            else None
        )
    except (ValueError, TypeError, KeyError):
        return None


def sent_line(line: int) -> bytes:
    """Return the line that says how far lines may have been submitted."""
    return b"%d\t%b\n" % (line, SENT)


def ended_line(ended: Ended) -> bytes:
    """Return the line for one that has ended."""
    cost = "" if ended.cost_usd is None else repr(ended.cost_usd)
    kind = OK if ended.succeeded else FAILED
    return b"%d\t%b\t%b\t%b\t%b\n" % (ended.line, kind, ended.model.encode(), cost.encode(), to_json(ended.data))


def content(line: bytes) -> tuple[bytes, bytes]:
    """Return the kind of a line that has ended, and its JSON with the newline."""
    _, kind, _, _, data = line.split(b"\t", 4)
    return kind, data


def entries(file: BinaryIO) -> Iterator[Entry]:
    """Yield the lines from where the file stands, up to the first that is torn: after it nothing was written."""
    offset = file.tell()
    for raw in file:
        entry = _entry(raw, offset)
        if entry is None:
            return
        yield entry
        offset = entry.next_offset


def _entry(raw: bytes, offset: int) -> Entry | None:
    if not raw.endswith(b"\n"):
        return None
    line, _, rest = raw.partition(b"\t")
    next_offset = offset + len(raw)
    try:
        if rest == SENT + b"\n":
            return Entry(offset, next_offset, int(line), SENT)
        kind, model, cost, data = rest.split(b"\t", 3)
        if kind not in (OK, FAILED) or not data.startswith(b"{"):
            return None
        return Entry(offset, next_offset, int(line), kind, model.decode(), float(cost) if cost else None)
    except ValueError:
        return None
