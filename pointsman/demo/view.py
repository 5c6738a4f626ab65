"""The live view: at most 20 lines of 80 columns with models, jobs and the last news. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from pointsman.router.vocabulary.job import JobRecord, JobState
from pointsman.router.vocabulary.views import ModelView

from .news import last_failed
from .scene import News, Scene

WIDTH = 80
LAST_NEWS = 8
TROUBLES = ("no live worker", "breaker", "suspect", "down", "paused")
LETTERS = "abcdefgh"
COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red", "bright_cyan", "bright_green")
IN_A_GROUP = 10


def picture(scene: Scene, title: str) -> Group:
    """Return the whole view as it is now."""
    marks = {model: (LETTERS[at], COLOURS[at]) for at, model in enumerate(scene.models)}
    return Group(
        _title(scene, title),
        Text(),
        _models(scene.views, marks),
        Text(),
        _strip(scene, marks),
        Text("       small: called there · CAPITAL: done there · … waits · ↻ waits again", style="dim"),
        Text(),
        *(news_line(news) for news in scene.news[-LAST_NEWS:]),
    )


def news_line(news: News) -> Text:
    """Return a piece of news on one line."""
    line = Text.assemble((f"{news.second:5.1f} s ", "dim"), news.words, overflow="ellipsis", no_wrap=True)
    line.truncate(WIDTH, overflow="ellipsis")
    return line


def _title(scene: Scene, title: str) -> Text:
    done = sum(record.done for record in scene.records)
    line = Text(title, style="bold", no_wrap=True, overflow="ellipsis")
    clock = f"{done}/{scene.total} done  {scene.second:4.1f} s"
    line.truncate(WIDTH - len(clock) - 1, overflow="ellipsis", pad=True)
    return line.append(" " + clock)


def _models(views: Sequence[ModelView], marks: Mapping[str, tuple[str, str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), width=WIDTH)
    for name in ("", "model", "status"):
        table.add_column(name, no_wrap=True, overflow="ellipsis", ratio=1 if name == "status" else None)
    for name in ("calls", "done", "failed", "s/call"):
        table.add_column(name, justify="right", no_wrap=True)
    for view in views:
        letter, colour = marks[view.name]
        seconds = "-" if view.latency_seconds is None else f"{view.latency_seconds:.1f}"
        table.add_row(
            Text(letter, style=f"bold {colour}"),
            Text(view.name, style=colour),
            Text(view.status.partition(";")[0], style="bold red" if view.status.startswith(TROUBLES) else ""),
            f"{view.in_flight}/{view.capacity}",
            str(view.succeeded),
            str(sum(view.errors.values())),
            seconds,
        )
    return table


def _strip(scene: Scene, marks: Mapping[str, tuple[str, str]]) -> Text:
    line = Text("jobs   ")
    for place in range(scene.total):
        if place and place % IN_A_GROUP == 0:
            line.append(" ")
        line.append(*_cell(scene.records[place] if place < len(scene.records) else None, marks))
    return line


def _cell(record: JobRecord | None, marks: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    """Return how a job is shown: where it is called, where it was done, or that it waits."""
    if record is None:
        return "·", "dim"
    letter, colour = marks.get(record.model or "", ("?", ""))
    moved = " underline" if last_failed(record) is not None else ""
    match record.state:
        case JobState.SUCCEEDED:
            return letter.upper(), f"bold {colour}{moved}"
        case JobState.RUNNING | JobState.BOUND:
            return letter, f"{colour}{moved}"
        case JobState.PENDING:
            return ("↻", "bold yellow") if record.history else ("…", "")
        case _:
            return "x", "bold red"
