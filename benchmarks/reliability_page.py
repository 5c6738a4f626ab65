"""Writes the table of faults into docs/reliability.md, from the report of a run of `make chaos`.

POINTSMAN_CHAOS_REPORT=chaos.jsonl make chaos && python -m benchmarks.reliability_page chaos.jsonl
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
MARKED = re.compile(r"(<!-- chaos -->\n).*?(<!-- /chaos -->)", re.DOTALL)
COLUMNS = ("jobs", "calls", "overlaps", "lost", "overwritten", "extra_paid", "extra_allowed", "seconds")


def table(verdicts: list[dict[str, Any]]) -> str:
    """Return the faults as a table, with what each has noted."""
    heads = ("fault", *(name.replace("_", " ") for name in COLUMNS), "noted")
    lines = [_row(heads), _row("---" for _ in heads)]
    for verdict in verdicts:
        noted = "; ".join(f"{name}: {value:.4g}" for name, value in verdict["notes"].items())
        lines.append(_row((verdict["fault"].replace("_", " "), *(verdict[name] for name in COLUMNS), noted)))
    return "\n".join(lines) + "\n"


def _row(cells: Any) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    """Fill in the page."""
    report = Path(sys.argv[1]).read_text(encoding="utf-8")
    found = table([json.loads(line) for line in report.splitlines()])
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(MARKED.sub(lambda marks: f"{marks[1]}{found}{marks[2]}", text), encoding="utf-8")


if __name__ == "__main__":
    main()
