"""How a run looks to people: its live view, its lines in a log, and its end in words."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pointsman.producer.client.progress import Progress
from pointsman.producer.file_run import BatchSummary
from pointsman.router.vocabulary.views import ModelView

MODELS_SHOWN = 8
NAME_AT_MOST = 20
ORDINARY = ("open", "full:")
"""How the status of a model begins that tells no more than its depth does."""


def live_view(name: str, progress: Progress, models: Sequence[ModelView]) -> RenderableType:
    """Return the bar, the counts, and the models that have the most to do."""
    bar = Table.grid(padding=(0, 1), expand=True)
    bar.add_column(no_wrap=True, overflow="ellipsis", max_width=NAME_AT_MOST)
    bar.add_column(ratio=1)
    bar.add_column(no_wrap=True, justify="right")
    counts = f"{progress.ended:,}/{progress.total or 0:,}"
    bar.add_row(Text(name), ProgressBar(total=progress.total or 1, completed=progress.ended), Text(counts))
    parts: list[RenderableType] = [bar, Text(_state(progress), style="dim")]
    if progress.failed:
        parts.insert(1, Text(f"{progress.failed:,} failed", style="red"))
    if progress.trouble:
        parts.append(Text(f"waiting: {progress.trouble}", style="yellow"))
    elif models:
        parts.append(_models_table(models))
    return Group(*parts)


def _state(progress: Progress) -> str:
    left = progress.seconds_left
    words = [
        f"{progress.jobs_per_second:.1f}/s",
        f"{progress.submitted - progress.ended:,} in flight",
        f"${progress.cost_usd:.4f} so far",
        f"{duration(progress.seconds)} gone",
        f"about {duration(left)} left" if left is not None else "",
    ]
    return "  ".join(word for word in words if word)


def _models_table(models: Sequence[ModelView]) -> Table:
    busiest = sorted(models, key=lambda view: view.depth + view.waiting, reverse=True)[:MODELS_SHOWN]
    shown = [view for view in models if view in busiest]
    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    table.add_column("model", no_wrap=True)
    for column in ("depth", "of", "waiting", "errors", "latency"):
        table.add_column(column, justify="right", no_wrap=True)
    reasons = {view.name: "" if view.status.startswith(ORDINARY) else view.status for view in shown}
    with_status = any(reasons.values())
    if with_status:
        table.add_column("status", no_wrap=True, overflow="ellipsis")
    for view in shown:
        latency = "-" if view.latency_seconds is None else f"{view.latency_seconds:.2f} s"
        numbers = (view.depth, view.capacity, view.waiting, sum(view.errors.values()))
        table.add_row(
            Text(view.name),
            *(f"{number:,}" for number in numbers),
            latency,
            *([Text(reasons[view.name])] if with_status else []),
        )
    if len(models) > len(shown):
        table.add_row(Text(f"and {len(models) - len(shown)} more", style="dim"))
    return table


def plain_words(progress: Progress, models: Sequence[ModelView]) -> str:
    """Return the progress as one line."""
    state = _state(progress).replace("  ", ", ")
    words = f"{progress.ended} of {progress.total} lines, {progress.failed} failed, {state}"
    if progress.trouble:
        return f"{words}; waiting: {progress.trouble}"
    depths = ", ".join(f"{view.name} {view.depth}/{view.capacity}" for view in models if view.depth)
    return f"{words}; depth: {depths}" if depths else words


def summary_words(summary: BatchSummary) -> str:
    """Return the end of a run in words."""
    lines = [
        f"{summary.succeeded} of {summary.total} lines succeeded in {duration(summary.seconds)}, "
        f"${summary.cost_usd:.4f}: {summary.output}"
    ]
    if summary.resumed:
        lines.append(f"{summary.resumed} of them had ended before")
    lines += [
        f"  {name}: {share.jobs} lines, ${share.cost_usd:.4f}" for name, share in sorted(summary.models.items())
    ]
    if summary.errors is not None:
        lines.append(f"{summary.failed} lines have no answer; they can be run again from {summary.errors}")
    return "\n".join(lines) + "\n"


def duration(seconds: float) -> str:
    """Return a time as people say it: 45 s, 3 min 20 s, 1 h 12 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
