"""What the commands of the speed benchmarks have in common: their options, and the report."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from .contender import Contender
from .report import table, write
from .speed import Work, in_turns

Contenders = Sequence[Callable[[], Contender]]


def options_of(
    parser: argparse.ArgumentParser, contenders: Contenders, *, jobs: int, concurrency: int
) -> argparse.Namespace:
    """Add the options that all have, and read them."""
    everybody = list(range(1, len(contenders) + 1))
    parser.add_argument("--jobs", type=int, default=jobs)
    parser.add_argument("--concurrency", type=int, default=concurrency, help="tasks in flight in the worker")
    parser.add_argument("--rounds", type=int, default=3, help="how often everybody is measured")
    parser.add_argument("--folder", type=Path, help="keep logs here; by default they are thrown away")
    parser.add_argument(
        "--only",
        type=lambda text: [int(part) for part in text.split(",")],
        default=everybody,
        help=f"numbers of contenders, of {len(everybody)}; the first one named is what others are compared with",
    )
    return parser.parse_args()


def run(name: str, contenders: Contenders, work: Work, *, options: argparse.Namespace) -> None:
    """Measure the chosen contenders in turn, print the table, and keep the figures."""
    chosen = [contenders[number - 1] for number in options.only]
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        rows = in_turns(chosen, work, options.folder or Path(made), rounds=options.rounds)
    sys.stdout.write(f"{work}, {options.rounds} rounds\n{table(rows)}\n")
    write(name, options=vars(options), rows=rows)
