"""The asyncio pool tells Celery of every task it was given, however the task ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from pointsman.workers.errors import TIME_LIMIT
from pointsman.workers.pool import AsyncPool

ARGUMENTS = ("task", "job-1.1", {})


class Recorded:
    """A task whose outcome the test can look at, as Celery's tracer would take it."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Any] = {}

    async def arun(self, task_id: str, request: dict[str, Any]) -> str:
        return f"ran {task_id}"

    @staticmethod
    def stopped() -> BaseException:
        return RuntimeError("stopped")


def traced(task: Recorded) -> Callable[..., tuple[int, Any, float]]:
    """Return what stands for Celery's tracer: it takes the outcome of a task."""

    def trace(name: str, task_id: str, request: Any) -> tuple[int, Any, float]:
        outcome = task.outcomes.pop(task_id)
        return int(isinstance(outcome, BaseException)), str(outcome), 0.0

    return trace


@pytest.fixture
def task() -> Recorded:
    return Recorded()


@pytest.mark.parametrize("stopped_at_once", [False, True])
def test_a_task_is_reported_even_when_it_is_stopped_before_its_first_step(
    task: Recorded, stopped_at_once: bool
) -> None:
    pool = AsyncPool(limit=1, app=SimpleNamespace(tasks={"task": task}))
    pool.start()
    reported, frozen_pools = [], threading.Event()

    def report(seen: tuple[int, Any, float]) -> None:
        reported.append(seen)
        frozen_pools.set()

    def begin() -> None:
        pool._begin(1, traced(task), ARGUMENTS, {"callback": report})
        if stopped_at_once:
            pool._cancel(1)

    pool.loop.call_soon_threadsafe(begin)
    assert frozen_pools.wait(5)
    pool.stop()
    failed, words, seconds = reported[0]
    assert (failed, words) == ((1, "stopped") if stopped_at_once else (0, "ran job-1.1"))
    assert seconds >= 0
    assert len(reported) == 1


class Hub:
    """Celery's hub after its last tick: what it is given to do it does no more."""

    def call_soon(self, _: Callable[[], None]) -> None:
        """Take it, and never do it."""


def test_what_ends_while_the_worker_stops_is_reported_though_the_hub_no_longer_ticks(task: Recorded) -> None:
    pool = AsyncPool(limit=1, app=SimpleNamespace(tasks={"task": task}))
    pool.start()
    pool.register_with_event_loop(Hub())
    reported: list[Any] = []
    pool.on_apply(traced(task), ARGUMENTS, callback=reported.append, accept_callback=lambda *_: None)
    pool.stop()
    assert [words for _, words, _ in reported] == ["ran job-1.1"]


@pytest.mark.parametrize("limits", [{"soft_timeout": 0.01, "timeout": 60}, {"soft_timeout": 60, "timeout": 0.01}])
def test_the_lower_of_two_time_limits_ends_a_task(limits: dict[str, float]) -> None:
    stopped: Future[tuple[Any, ...]] = Future()

    class Endless(Recorded):
        async def arun(self, task_id: str, request: dict[str, Any]) -> str:
            try:
                return str(await asyncio.Event().wait())
            except asyncio.CancelledError as why:
                stopped.set_result(why.args)
                raise

    task = Endless()
    pool = AsyncPool(limit=1, app=SimpleNamespace(tasks={"task": task}))
    pool.start()
    try:
        pool.on_apply(traced(task), ARGUMENTS, callback=lambda _: None, accept_callback=lambda *_: None, **limits)
        assert stopped.result(timeout=20) == (TIME_LIMIT,)
    finally:
        pool.terminate()


def test_a_pool_grows_and_shrinks_and_says_so_and_keeps_one_slot(task: Recorded) -> None:
    pool = AsyncPool(limit=2, app=SimpleNamespace(tasks={"task": task}))
    pool.start()
    sizes: list[int] = []
    pool.resized = lambda: sizes.append(pool.num_processes)
    pool.grow(3)
    pool.shrink(4)
    with pytest.raises(ValueError, match="one has to stay"):
        pool.shrink(1)
    pool.stop()
    assert sizes == [5, 1]
