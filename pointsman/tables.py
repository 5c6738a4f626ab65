"""Tables for people: models, and results."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from router.job import JobRecord
from router.store import ModelView


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
        table.add_row(view.name, view.status, *map(str, numbers), latency, str(view.requests_last_minute))
    return table


def results_table(records: Iterable[JobRecord]) -> Table:
    """Return one row for each job: what became of it, where, and why there."""
    table = Table(title="Results", title_justify="left")
    table.add_column("job", no_wrap=True)
    table.add_column("class", no_wrap=True)
    table.add_column("model", no_wrap=True)
    table.add_column("why that model", overflow="fold", ratio=2)
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("answer", overflow="ellipsis", no_wrap=True, ratio=3)
    for record in records:
        table.add_row(*_row(record))
    return table


def _row(record: JobRecord) -> tuple[str, ...]:
    why = str((record.decision or {}).get("reason", "-"))
    seconds = f"{record.result.seconds:.2f}" if record.result else "-"
    if record.result is not None:
        answer = record.result.answer.text
    else:
        answer = f"{record.error.kind}: {record.error.message}" if record.error else record.state
    return record.id, record.task_class or "-", record.model or "-", why, seconds, " ".join(answer.split())
