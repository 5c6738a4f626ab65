"""Tables for people: models, and results."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.box import ROUNDED, SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pointsman.router.vocabulary.job import JobRecord
from pointsman.router.vocabulary.views import ModelView

FIRST_WORDS = 7
WIDE_ENOUGH = 150
WIDE_FROM = 115
WORDS_AT_LEAST = 9
WIDE = (
    "model", "status", "depth", "in flight", "capacity", "workers", "waiting", "done", "errors", "latency",
    "req/min",
)  # fmt: skip
NARROW = ("model", "status", "depth", "waiting", "done", "errors", "latency")


def models_table(views: Iterable[ModelView], *, width: int, title: str | None = None) -> Table:
    """Return the live state of each model; a narrow terminal gets the most important columns."""
    views = list(views)
    columns = list(WIDE if width >= WIDE_FROM else NARROW)
    if width >= WIDE_FROM and any(view.first_token_seconds is not None for view in views):
        columns.insert(columns.index("latency"), "1st token")
    table = Table(title=title, title_justify="left", box=ROUNDED if width >= WIDE_FROM else SIMPLE_HEAD)
    for name in columns:
        if name in ("model", "status"):  # words give way to numbers by folding, and none of them is cut off
            table.add_column(name, overflow="fold", min_width=WORDS_AT_LEAST)
        else:
            table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    for view in views:
        cells = _cells(view)
        table.add_row(*(Text(cells[name]) for name in columns))
    return table


def _cells(view: ModelView) -> dict[str, str]:
    numbers = {
        "depth": view.depth,
        "in flight": view.in_flight,
        "capacity": view.capacity,
        "workers": view.workers,
        "waiting": view.waiting,
        "done": view.succeeded,
        "errors": sum(view.errors.values()),
        "req/min": view.requests_last_minute,
    }
    words = {
        "model": view.name,
        "status": view.status,
        "1st token": _seconds(view.first_token_seconds),
        "latency": _seconds(view.latency_seconds),
    }
    return words | {name: str(number) for name, number in numbers.items()}


def _seconds(average: float | None) -> str:
    return f"{average:.2f} s" if average is not None else "-"


def results_table(records: Iterable[JobRecord], *, width: int) -> Table:
    """Return one row for each job: what became of it, where, and why there."""
    wide = width >= WIDE_FROM
    table = Table(
        title="Results", title_justify="left", box=ROUNDED if wide else SIMPLE_HEAD, padding=(0, 1 if wide else 0)
    )
    # ids stay whole, so that they can be copied; what is long folds
    table.add_column("job", no_wrap=True, min_width=24)
    table.add_column("class", overflow="fold", min_width=10)
    table.add_column("model", no_wrap=True)
    table.add_column("why that model", overflow="fold", min_width=12)
    table.add_column("seconds" if wide else "s", justify="right", no_wrap=True)
    table.add_column("answer", overflow="fold", min_width=12)
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
    words = answer.split()
    first_words = " ".join(words[:FIRST_WORDS]) + (" …" if len(words) > FIRST_WORDS else "")
    return record.id, record.task_class or "-", record.model or "-", why, seconds, first_words


def dead_table(records: Iterable[JobRecord], *, width: int) -> Table:
    """Return one row for each dead letter: when it ended, how, and after how many attempts."""
    wide = width >= WIDE_FROM
    table = Table(box=ROUNDED if wide else SIMPLE_HEAD, padding=(0, 1 if wide else 0))
    table.add_column("job", no_wrap=True, min_width=24)
    table.add_column("ended", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    for name in ("class", "model"):
        table.add_column(name, overflow="fold")
    table.add_column("attempts", justify="right")
    table.add_column("message", overflow="fold", min_width=12)
    for record in records:
        table.add_row(*map(Text, _dead_row(record)))
    return table


def _dead_row(record: JobRecord) -> tuple[str, ...]:
    ended = datetime.fromtimestamp(record.finished or 0).strftime("%m-%d %H:%M:%S")
    kind, message = (record.error.kind, record.error.message) if record.error else ("", "")
    tried = str(record.attempts)
    return record.id, ended, kind, record.task_class or "-", record.model or "-", tried, message


def console_for_tables(*, stderr: bool = False) -> Console:
    """Return a console that is wide enough for the tables where the output is no terminal."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=max(console.width, WIDE_ENOUGH))
