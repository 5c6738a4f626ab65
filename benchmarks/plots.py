"""Draws the results as small SVG files into docs/: `python -m benchmarks.plots`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .report import FOLDER, Row
from .targets import OURS

DOCS = Path(__file__).parents[1] / "docs"
WIDTH, ROW_HEIGHT, MARGIN = 7.0, 0.34, 1.0
OUR_COLOUR, OTHER_COLOUR = "#c2410c", "#94a3b8"
PROCESSES = {
    "submit_ms": ("submitter", "#94a3b8"),
    "dispatcher_ms": ("dispatcher", "#0f766e"),
    "worker_ms": ("worker", "#c2410c"),
    "redis_ms": ("Redis", "#1d4ed8"),
}
OVERHEAD = {"p50_ms": ("p50", "#0f766e"), "p99_ms": ("p99", "#94a3b8")}

# the same figures give the same file, and letters stay letters
STYLE: dict[str, Any] = {"svg.hashsalt": "pointsman", "svg.fonttype": "none", "font.size": 9}


def throughput(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw jobs a second of each contender."""
    colours = [OUR_COLOUR if row["queue"] == OURS else OTHER_COLOUR for row in rows]
    bars = axes.barh(labels(rows), [row["jobs_per_second"] for row in rows], color=colours)
    axes.bar_label(bars, fmt="%.0f", padding=3)
    axes.set_xlabel("jobs a second")


def processor_time(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw the CPU time of a job in each process, one behind the other."""
    left = [0.0] * len(rows)
    for column, (process, colour) in PROCESSES.items():
        values = [row[column] for row in rows]
        axes.barh(labels(rows), values, left=left, color=colour, label=process)
        left = [before + value for before, value in zip(left, values, strict=True)]
    axes.set_xlabel("ms of CPU per job")
    axes.legend(frameon=False)


def overhead(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw the median and the 99th percentile of what a queue adds to a call."""
    height = 0.8 / len(OVERHEAD)
    for number, (column, (label, colour)) in enumerate(OVERHEAD.items()):
        places = [at + number * height for at in range(len(rows))]
        bars = axes.barh(places, [row[column] for row in rows], height=height, color=colour, label=label)
        axes.bar_label(bars, fmt="%.1f", padding=3)
    axes.set_yticks(
        [at + height / 2 for at in range(len(rows))], [f"{row['queue']}, {row['jobs']}" for row in rows]
    )
    axes.set_xlabel("ms from submit to result, less the LLM's time")
    axes.legend(frameon=False)


def labels(rows: Sequence[Row]) -> list[str]:
    """Return a name for each row, no two the same."""
    names = [row["queue"] for row in rows]
    return [f"{row['queue']}, {row['settings']}" if names.count(row["queue"]) > 1 else row["queue"] for row in rows]


PLOTS: dict[str, tuple[str, str, Callable[[Axes, Sequence[Row]], None]]] = {
    "performance-llm.svg": ("llm", "A slow LLM, one worker process", throughput),
    "performance-llm-cpu.svg": ("llm", "A slow LLM, one worker process", processor_time),
    "performance-queue.svg": ("queue", "Jobs that do nothing, one worker process", throughput),
    "performance-queue-cpu.svg": ("queue", "Jobs that do nothing, one worker process", processor_time),
    "performance-latency.svg": ("latency", "What a queue adds to a call", overhead),
}


def draw(name: str) -> None:
    """Draw one plot."""
    result, title, plot = PLOTS[name]
    rows = json.loads((FOLDER / f"{result}.json").read_text(encoding="utf-8"))["rows"]
    figure = Figure(figsize=(WIDTH, MARGIN + ROW_HEIGHT * len(rows) * (2 if plot is overhead else 1)))
    axes = figure.subplots()
    plot(axes, rows)
    axes.set_title(title, loc="left")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    figure.savefig(DOCS / name, bbox_inches="tight", metadata={"Date": None})


def main() -> None:
    """Draw every plot whose benchmark has run."""
    with mpl.rc_context(STYLE):
        for name, (result, *_) in PLOTS.items():
            if (FOLDER / f"{result}.json").exists():
                draw(name)
                sys.stdout.write(f"docs/{name}\n")


if __name__ == "__main__":
    main()
