"""What the demo says at its end."""

from __future__ import annotations

import sys

import pytest

from pointsman.demo.burst import Spell
from pointsman.demo.conclusion import burst_lines, next_lines, why_lines
from tests.support.demo_records import attempt, record


def test_the_bars_of_the_burst_fit_eighty_columns_and_show_the_longer_one_longer() -> None:
    late, at_submit = list(burst_lines(12, Spell(7.5, 4.0), Spell(15.0, 6.0)))[1:3]
    assert at_submit.count("█") == 2 * late.count("█") > 0
    assert max(map(len, burst_lines(12, Spell(107.5, 104.0), Spell(115.0, 106.0)))) <= 80


def test_the_decision_that_is_shown_is_of_a_job_that_moved() -> None:
    moved = record(attempt("a", "server_error"), attempt("b"), id="moved001")
    lines = list(why_lines([record(attempt("a")), moved, record(attempt("b"))], "http://127.0.0.1:1"))
    assert "job 2" in lines[0]
    assert "why moved001 --url http://127.0.0.1:1" in lines[1]
    assert lines[2:] == ["  1. a: a was best -> server_error", "  2. b: b was best -> succeeded"]
    assert list(why_lines([record(state="pending")], "http://127.0.0.1:1")) == []


@pytest.mark.parametrize(
    ("called", "named"),
    [
        (".venv/bin/pointsman", ["make demo", "README.md"]),
        ("/usr/bin/pointsman", ["pointsman demo", "pointsman init"]),
    ],
)
def test_what_to_do_next_is_there_in_a_checkout_and_without_one(
    called: str, named: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [called])
    words = "\n".join(next_lines(None, keep=False))
    assert [
        name for name in ("make demo", "README.md", "pointsman demo", "pointsman init") if name in words
    ] == named
