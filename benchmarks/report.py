"""Prints rows as a table in Markdown, and keeps them as JSON with what they were measured on."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

Row = dict[str, Any]
"""One line of a table, by column."""

FOLDER = Path(__file__).parent / "results"
LIBRARIES = ("celery", "kombu", "redis", "httpx", "aiohttp")


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a table with the columns of the first row."""
    columns = list(rows[0])
    cells = [columns, ["---"] * len(columns), *([_cell(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in cells
    )


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def write(name: str, *, options: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write benchmarks/results/<name>.json."""
    FOLDER.mkdir(exist_ok=True)
    kept = {key: value for key, value in options.items() if not isinstance(value, Path)}
    data = {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "options": kept}
    text = json.dumps({**data, "rows": list(rows)}, indent=1)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Return what the figures depend on: processors, Python, libraries."""
    libraries = {name: version(name) for name in LIBRARIES}
    load = round(os.getloadavg()[1], 1)  # the mean of five minutes: what else the machine did
    return {
        "load": load,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        **libraries,
    }
