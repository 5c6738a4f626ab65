"""What the faults cost, as a table for people and as lines of JSON for docs/reliability.md."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from tests.chaos.verdict import Verdict

FILE = os.environ.get("POINTSMAN_CHAOS_REPORT", "")
VERDICTS: list[Verdict] = []

COLUMNS = {
    "fault": 41, "seed": 5, "jobs": 5, "calls": 6, "overlaps": 8, "extra_paid": 10, "extra_allowed": 13, "lost": 5,
    "overwritten": 11, "losses": 6, "seconds": 7,
}  # fmt: skip


def report(verdict: Verdict) -> None:
    """Keep a verdict for the table, and add it to the file that POINTSMAN_CHAOS_REPORT names."""
    VERDICTS.append(verdict)
    if FILE:
        with Path(FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(verdict)) + "\n")


def table() -> Iterator[str]:
    """Yield the lines of the table; under each fault, what it has noted."""
    yield " ".join(f"{name.replace('_', ' '):{width}}" for name, width in COLUMNS.items())
    for verdict in VERDICTS:
        yield " ".join(f"{getattr(verdict, name):<{width}}" for name, width in COLUMNS.items())
        for name, value in verdict.notes.items():
            yield f"    {name}: {value:g}"
