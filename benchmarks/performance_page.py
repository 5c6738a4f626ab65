"""Writes the figures of benchmarks/results/ into docs/performance.md: `python -m benchmarks.performance_page`.

What stands between `<!-- begin NAME -->` and `<!-- end NAME -->` comes from here: no figure is typed by hand.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .report import FOLDER, Row, table
from .targets import verdicts

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BLOCK = re.compile(r"(<!-- begin (?P<name>[\w-]+) -->\n).*?(<!-- end (?P=name) -->)", re.DOTALL)
NOT_MEASURED = "Not measured yet."
PROCESSES = ("submitter", "dispatcher", "worker")
SCALES = ("scale-workers", "scale-dispatchers", "scale-backlog", "scale-models")
TABLES = (
    "llm", "in_flight", "slot_gap", "queue", "latency", "growth", "startup", "batch_run", "first_token", *SCALES,
)  # fmt: skip
"""What is shown as it was written."""
COMMANDS_SHOWN = 12
FROM_US = 1.0
"""Redis commands and scripts below so many microseconds per job are left out."""

Results = Mapping[str, Mapping[str, Any]]


def read_results(folder: Path = FOLDER) -> Results:
    """Return what is in every file of results, by the benchmark's name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def render(page: str, results: Results) -> str:
    """Return the page with the figures of these results; raises KeyError for a block that nobody writes."""
    return BLOCK.sub(lambda found: f"{found[1]}{block(found['name'], results)}\n{found[3]}", page)


def block(name: str, results: Results) -> str:
    """Return what belongs into one block."""
    write = {
        "machine": _machines,
        "targets": lambda found: table(verdicts(found)),
        "profile": _profile,
        "profile-redis": _profile_of_redis,
        **dict.fromkeys(TABLES, _table(name)),
    }[name]
    return write(results)


def _table(name: str) -> Callable[[Results], str]:
    return lambda found: table(_filled(found[name]["rows"])) if name in found else NOT_MEASURED


def _filled(rows: Sequence[Row]) -> list[Row]:
    """Leave out columns without a figure."""
    columns = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    return [{name: row[name] for name in columns} for row in rows]


def _machines(results: Results) -> str:
    """Say of each result when, on what and with which options it was measured."""
    rows = []
    for name, found in results.items():
        if "machine" not in found:
            continue
        machine, options = found["machine"], found["options"]
        shown = ", ".join(f"{key} {value}" for key, value in options.items() if key not in ("folder", "only"))
        rows.append({"result": name, "measured": found["measured"], **machine, "options": shown or None})
    columns = dict.fromkeys(column for row in rows for column in row)
    return table([{column: row.get(column) for column in columns} for row in rows]) if rows else NOT_MEASURED


def _profile(results: Results) -> str:
    if "profile" not in results:
        return NOT_MEASURED
    found = results["profile"]["rows"][0]
    parts = dict.fromkeys(part for process in PROCESSES for part in found[process]["parts"])
    rows: list[Row] = [
        {"us per job": part, **{process: found[process]["parts"].get(part) for process in PROCESSES}}
        for part in parts
    ]
    rows.sort(key=lambda row: -sum(row[process] or 0 for process in PROCESSES))
    whole = {"us per job": "all", **{process: found[process]["us_per_job"] for process in PROCESSES}}
    return f"{found['jobs_per_second']:g} jobs/s while watched.\n\n{table([*rows, whole])}"


def _profile_of_redis(results: Results) -> str:
    if "profile" not in results:
        return NOT_MEASURED
    found = results["profile"]["rows"][0]["redis"]
    scripts, commands = (
        [{kind: name, **spent} for name, spent in found[f"{kind}s"].items() if spent["us_per_job"] >= FROM_US]
        for kind in ("script", "command")
    )
    whole = f"Redis uses {found['us_per_job']:g} us of CPU per job, reads {found['bytes_in']} and writes "
    return f"{whole}{found['bytes_out']} bytes.\n\n{table(scripts)}\n\n{table(commands[:COMMANDS_SHOWN])}"


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8"), read_results()), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")


if __name__ == "__main__":
    main()
