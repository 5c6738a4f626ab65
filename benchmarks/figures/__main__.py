"""Prints the figures of a checkout: `python -m benchmarks.figures [CHECKOUT] [--json] [--static]`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from .checkout import PACKAGES, Checkout
from .crossed import crossed
from .layout import circles, imports, layout
from .words import functions, gerund_files, shared_class_names, talking_names

HERE = Path(__file__).parents[2]


def measure(checkout: Checkout, *, run: bool) -> dict[str, Any]:
    """Return every figure; with `run` also those for which jobs are really run."""
    names = {package: talking_names(checkout, package) for package in PACKAGES}
    packages = {
        package: {
            "files": len(checkout.of(package)),
            **asdict(layout(checkout, package)),
            "told_said_heard": len(names[package]),
            "gerund_files": len(gerund_files(checkout, package)),
            "shared_class_names": len(shared_class_names(checkout, [package])),
            "functions": asdict(functions(checkout, package)),
        }
        for package in PACKAGES
    }
    files = asdict(crossed(checkout)) if run else None
    return {
        "packages": packages,
        "all": {
            **dict(zip(("circles", "files_in_circles"), circles(imports(checkout, *PACKAGES)), strict=True)),
            "functions": asdict(functions(checkout)),
            "shared_class_names": shared_class_names(checkout),
        },
        "told_said_heard": names,
        "crossed": files,
    }


def table(figures: dict[str, Any]) -> Table:
    """Return a table with a column for each package and one for all of them together."""
    shown = Table(box=None, pad_edge=False)
    shown.add_column("")
    for package in (*PACKAGES, "all"):
        shown.add_column(package, justify="right")
    rows = [figures["packages"][package] for package in PACKAGES]
    together = figures["all"]
    for name in ("files", "rooms", "floors", "arrows", "circles", "files_in_circles"):
        last = str(together[name]) if name in together else _sum(rows, name)
        shown.add_row(name.replace("_", " "), *(str(row[name]) for row in rows), last)
    shown.add_row(
        "told, said, heard", *(str(row["told_said_heard"]) for row in rows), _sum(rows, "told_said_heard")
    )
    shown.add_row("files named *ing.py", *(str(row["gerund_files"]) for row in rows), _sum(rows, "gerund_files"))
    shared = str(len(together["shared_class_names"]))
    shown.add_row("shared class names", *(str(row["shared_class_names"]) for row in rows), shared)
    measured = [*(row["functions"] for row in rows), together["functions"]]
    shown.add_row("lines, blank ones not", *(str(one["lines"]) for one in measured))
    shown.add_row("functions", *(str(one["count"]) for one in measured))
    shown.add_row(
        "their median/p90/max", *(f"{one['median']:.0f}/{one['p90']}/{one['longest']}" for one in measured)
    )
    shown.add_row("complexity findings", *(str(one["findings"]) for one in measured))
    shown.add_row("  per 1000 lines", *(f"{one['per_1000']:.2f}" for one in measured))
    return shown


def _sum(rows: list[dict[str, Any]], name: str) -> str:
    return "" if name == "floors" else str(sum(row[name] for row in rows))


def crossing(title: str, files: list[str]) -> str:
    """Return a line on the files that something crosses."""
    lua = sum(file.endswith(".lua") for file in files)
    return f"{title}: {len(files) - lua} Python files, {lua} Lua files"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.figures", description=__doc__)
    parser.add_argument("checkout", nargs="?", type=Path, default=HERE, help="default: this one")
    parser.add_argument("--json", action="store_true", help="print all of it as JSON, with the names and files")
    parser.add_argument("--static", action="store_true", help="run no job: only what the source shows")
    options = parser.parse_args()
    figures = measure(Checkout(options.checkout), run=not options.static)
    if options.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
        return
    Console(width=80).print(table(figures))
    if files := figures["crossed"]:
        job = crossing("submit to result over HTTP", files["job"])
        binding = crossing("a round that binds one job", files["round"])
        sys.stdout.write(f"{job}, {files['changes']} changes of file\n{binding}\n")


if __name__ == "__main__":
    main()
