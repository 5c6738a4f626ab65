"""The lines of a batch as they end, while others of it still run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic_core import to_json

from pointsman.router.store import EndedLine, JobStore
from pointsman.router.vocabulary.batch import BatchRecord

from ..files.lines import read_line
from .end import line_result


def results(batch: BatchRecord, ended_lines: Sequence[EndedLine], path: Path, jobs: JobStore) -> bytes:
    """Return how lines ended, as lines of an output file; blocks. One that has begun anew is left out."""
    written = bytearray()
    for ended_line in ended_lines:
        line = read_line(
            path, offset=ended_line.offset, number=ended_line.number, most=jobs.settings.body_limit_bytes
        )
        found = line_result(batch, line, ended_line.job, jobs)
        if found is not None:
            written += to_json(found.data) + b"\n"
    return bytes(written)
