"""How a run of a file looks: on a terminal of 80 columns, in a log, and at its end."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pointsman.cli.output.file_run import duration, live_view, plain_words, summary_words
from pointsman.producer.client.progress import Progress
from pointsman.producer.file_run import BatchSummary, ModelShare
from pointsman.router.vocabulary.views import ModelView


def view(name: str, **more: Any) -> ModelView:
    fields = {
        "queue": f"llm.{name}", "format": "openai", "upstream": name, "depth": 12, "in_flight": 12, "slots": 4,
        "capacity": 16, "workers": 1, "waiting": 345, "served": 9, "succeeded": 7, "errors": {"timeout": 2},
        "latency_seconds": 1.234, "requests_last_minute": 0, "tokens_last_minute": 0, "cost_usd": 0.0,
        "breaker": "closed", "status": "open",
    }  # fmt: skip
    return ModelView(name=name, **{**fields, **more})


def progress(**more: Any) -> Progress:
    fields = {"total": 10_000, "submitted": 5200, "succeeded": 1200, "failed": 0, "cost_usd": 1.25}
    return Progress(**{**fields, "jobs_per_second": 100.0, "seconds": 75.0, **more})


def shown(seen: Progress, *views: ModelView, width: int = 80) -> list[str]:
    """Return the lines of the live view on a terminal."""
    file = StringIO()
    Console(file=file, width=width).print(live_view("a-very-long-name-of-a-file.jsonl", seen, views))
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_the_live_view_fits_the_terminal(width: int) -> None:
    lines = shown(progress(failed=3), view("gpt-4"), view("claude", latency_seconds=None), width=width)
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("a-very-long-name-of… ")
    assert lines[0].endswith("1,203/10,000")
    assert lines[1].strip() == "3 failed"
    assert lines[2].strip() == "100.0/s  3,997 in flight  $1.2500 so far  1 min 15 s gone  about 1 min 28 s left"
    assert [line.split() for line in lines if "gpt-4" in line] == [["gpt-4", "12", "16", "345", "2", "1.23", "s"]]
    assert "status" not in "".join(lines)


def test_why_a_model_takes_nothing_is_shown_and_what_is_ordinary_is_not() -> None:
    lines = shown(progress(), view("a", status="down: auth: refused"), view("b", status="full: 16 of 16"))
    assert any("down: auth: refused" in line for line in lines)
    assert not any("full" in line for line in lines)


def test_of_many_models_the_busiest_are_shown() -> None:
    views = [view(f"m{at}", waiting=at) for at in range(50)]
    lines = shown(progress(), *views)
    assert [line.split()[0] for line in lines if line.strip().startswith("m") and "model" not in line] == [
        f"m{at}" for at in range(42, 50)
    ]
    assert any("and 42 more" in line for line in lines)


def test_trouble_takes_the_place_of_the_models() -> None:
    lines = shown(progress(trouble="the API cannot be reached"), view("gpt-4"))
    assert lines[-1].strip() == "waiting: the API cannot be reached"


def test_a_line_for_a_log() -> None:
    words = plain_words(progress(failed=3), [view("gpt-4"), view("idle", depth=0)])
    assert words == (
        "1203 of 10000 lines, 3 failed, 100.0/s, 3,997 in flight, $1.2500 so far, 1 min 15 s gone, "
        "about 1 min 28 s left; depth: gpt-4 12/16"
    )
    assert plain_words(progress(trouble="away"), []).endswith("; waiting: away")


def test_the_end_in_words() -> None:
    share = {"gpt-4": ModelShare(7, 0.5)}
    output, errors = Path("out.jsonl"), Path("out.failed.jsonl")
    done = summary_words(BatchSummary(7, 7, 0, 0, 0.5, 3.2, share, output, None))
    assert done == "7 of 7 lines succeeded in 3 s, $0.5000: out.jsonl\n  gpt-4: 7 lines, $0.5000\n"
    partly = summary_words(BatchSummary(9, 7, 2, 4, 0.5, 3700, share, output, errors))
    assert "4 of them had ended before" in partly
    assert "in 1 h 1 min" in partly
    assert "2 lines have no answer; they can be run again from out.failed.jsonl" in partly


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3599, "59 min 59 s"), (7300, "2 h 1 min")],
)
def test_times_as_people_write_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words
