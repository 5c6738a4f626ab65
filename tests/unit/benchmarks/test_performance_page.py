"""docs/performance.md: its figures are those of the results, its targets and its profile are judged right."""

from __future__ import annotations

import pytest

from benchmarks.performance_page import BLOCK, NOT_MEASURED, PAGE, block, read_results, render
from benchmarks.stacks import Frame, part_of
from benchmarks.targets import OURS, TARGETS, Target, verdicts


def test_the_page_has_the_figures_of_the_results() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == render(page, read_results()), "run python -m benchmarks.performance_page"


def test_what_was_not_measured_is_reported() -> None:
    names = [found["name"] for found in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]
    assert len(names) == len(set(names)) > 10
    for name in names:
        if name != "targets":
            assert block(name, {}) == NOT_MEASURED
    assert {row["met"] for row in verdicts({})} == {"not measured"}


def test_text_outside_of_the_blocks_stays() -> None:
    page = "before\n<!-- begin llm -->\nold\n<!-- end llm -->\nafter\n"
    results = {"llm": {"rows": [{"queue": OURS, "jobs_per_second": 12.5}]}}
    written = render(page, results)
    assert written.startswith("before\n<!-- begin llm -->\n| queue")
    assert "12.5" in written
    assert "old" not in written
    assert written.endswith("\n<!-- end llm -->\nafter\n")
    assert render(written, results) == written


@pytest.mark.parametrize(("value", "met"), [(0.9, False), (1.0, True), (1.5, True), (2.0, True), (2.1, False)])
def test_a_target_includes_its_bounds(value: float, met: bool) -> None:
    assert Target("any", lambda _: value, least=1.0, most=2.0).met(value) is met


def test_a_target_is_judged_by_the_row_that_it_names() -> None:
    rows = [
        {"queue": "Celery threads", "worker_ms": 3.0, "jobs_per_second": 100.0},
        {"queue": "taskiq", "worker_ms": 1.0, "jobs_per_second": 400.0},
        {"queue": "LiteLLM Router", "worker_ms": 1.0, "jobs_per_second": 9000.0},
        {"queue": OURS, "worker_ms": 0.9, "jobs_per_second": 350.0, "worker_mb": 100},
    ]
    found = {row["target"]: row for row in verdicts({"llm": {"rows": rows}})}
    assert len(found) == len(TARGETS)
    assert found["slow LLM: worker CPU per job, x Celery + httpx"]["measured"] == 0.3
    assert found["slow LLM: worker CPU per job, x Celery + httpx"]["met"] == "yes"
    assert found["slow LLM: jobs/s, x Celery + httpx"]["measured"] == 3.5
    assert found["slow LLM: jobs/s, x the best task queue"]["measured"] == 0.875
    assert found["slow LLM: jobs/s, x the best task queue"]["met"] == "**no**"


@pytest.mark.parametrize(
    ("paths", "part"),
    [
        (["workers/pool.py", "aiohttp/client.py", "asyncio/selector_events.py"], "httpx and aiohttp"),
        (["celery/worker/loops.py", "celery/events/dispatcher.py", "kombu/messaging.py"], "Celery's events"),
        (["router/dispatcher/loop.py", "router/store/rounds.py", "redis/asyncio/client.py"], "Redis client"),
        (["router/dispatcher/loop.py", "router/store/rounds.py"], "our store"),
        (["asyncio/base_events.py", "selectors.py"], "polling"),
        (["asyncio/base_events.py", "asyncio/events.py"], "asyncio"),
        (["", "zlib.py"], "other"),
    ],
)  # fmt: skip
def test_a_sample_belongs_to_the_innermost_known_part(paths: list[str], part: str) -> None:
    assert part_of(tuple(Frame("any", path) for path in paths)) == part
