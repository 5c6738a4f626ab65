"""Tables for people: models, and results."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from router.job import JobRecord
from router.store import ModelView

FIRST_WORDS = 7
WIDE_ENOUGH = 150


def models_table(views: Iterable[ModelView], *, title: str | None = None) -> Table:
    """Return the live state of each model."""
    table = Table(title=title, title_justify="left")
    for name in ("model", "status"):
        table.add_column(name, overflow="fold")
    for name in ("depth", "in flight", "capacity", "workers", "waiting", "done", "errors", "latency", "req/min"):
        table.add_column(name, justify="right", no_wrap=True)
    for view in views:
        latency = f"{view.latency_seconds:.2f} s" if view.latency_seconds is not None else "-"
        numbers = (
            view.depth, view.in_flight, view.capacity, view.workers, view.waiting, view.succeeded,
            sum(view.errors.values()),
        )  # fmt: skip
        cells = (view.name, view.status, *map(str, numbers), latency, str(view.requests_last_minute))
        table.add_row(*map(Text, cells))
    return table


def results_table(records: Iterable[JobRecord]) -> Table:
    """Return one row for each job: what became of it, where, and why there."""
    table = Table(title="Results", title_justify="left")
    # wide terminals show each job on one line, narrow ones fold every column
    for name, least in (("job", 12), ("class", 10), ("model", 6), ("why that model", 12), ("seconds", 5)):
        table.add_column(name, min_width=least, overflow="fold", justify="right" if name == "seconds" else "left")
    table.add_column("answer", min_width=12, overflow="fold")
    for record in records:
        table.add_row(*map(Text, _row(record)))  # an answer may hold what rich would take for markup
    return table


def _row(record: JobRecord) -> tuple[str, ...]:
    why = str((record.decision or {}).get("reason", "-"))
    seconds = f"{record.result.seconds:.2f}" if record.result else "-"
    if record.result is not None:
        answer = record.result.answer.text
    else:
        answer = f"{record.error.kind}: {record.error.message}" if record.error else record.state
    first_words = " ".join(answer.split()[:FIRST_WORDS])
    return record.id, record.task_class or "-", record.model or "-", why, seconds, first_words


def console_for_tables() -> Console:
    """Return a console that is wide enough for the tables where the output is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=max(console.width, WIDE_ENOUGH))
