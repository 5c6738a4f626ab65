"""The lines of a batch as they end, while others of it still run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic_core import to_json

from pointsman.router.store import BatchEnd, JobStore
from pointsman.router.vocabulary.batch import BatchRecord

from ..files.lines import read_line
from .end import end_of


def results(batch: BatchRecord, ends: Sequence[BatchEnd], path: Path, jobs: JobStore) -> bytes:
    """Return how lines ended, as lines of an output file; blocks. One that has begun anew is left out."""
    written = bytearray()
    for end in ends:
        line = read_line(path, place=end.place, number=end.number, most=jobs.settings.body_limit_bytes)
        found = end_of(batch, line, end.job, jobs)
        if found is not None:
            written += to_json(found.data) + b"\n"
    return bytes(written)
