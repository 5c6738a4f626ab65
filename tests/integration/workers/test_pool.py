"""The asyncio pool tells Celery of every task it was given, however the task ended."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from kombu.asynchronous import Hub

from pointsman.workers.errors import TIME_LIMIT
from pointsman.workers.pool import AsyncPool

ARGUMENTS = ("task", "job-1.1", {})


class Recorded:
    """A task whose outcome the test can look at, as Celery's tracer would take it."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Any] = {}
        self.seconds = 0.0

    async def arun(self, task_id: str, request: dict[str, Any]) -> str:
        await asyncio.sleep(self.seconds)
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


@pytest.fixture
def hub() -> Iterator[Hub]:
    """Celery's hub with a silent broker; it ticks where a test says so, and a poll waits up to a second."""
    found = Hub()
    broker, ours = socket.socketpair()
    with broker, ours:
        found.add_reader(ours, lambda: None)
        yield found
        found.close()


@pytest.fixture
def pool(task: Recorded) -> Iterator[AsyncPool]:
    """A pool of one slot that runs."""
    found = AsyncPool(limit=1, app=SimpleNamespace(tasks={"task": task}))
    found.start()
    yield found
    found.stop()


def give(pool: AsyncPool, task: Recorded, callback: Callable[[Any], None]) -> None:
    """Give a task to a pool as Celery's consumer would."""
    pool.on_apply(traced(task), ARGUMENTS, callback=callback, accept_callback=lambda *_: None)


def tick_until(hub: Hub, check: Callable[[], Any]) -> None:
    """Let a hub tick until `check` is true."""
    end = time.monotonic() + 20
    while not check():
        assert time.monotonic() < end
        hub.run_once()


def test_what_ends_while_the_worker_stops_is_reported_though_the_hub_no_longer_ticks(
    task: Recorded, pool: AsyncPool, hub: Hub
) -> None:
    pool.register_with_event_loop(hub)
    reported: list[Any] = []
    give(pool, task, reported.append)
    pool.stop()
    assert [words for _, words, _ in reported] == ["ran job-1.1"]


def test_what_a_completion_puts_off_does_not_wait_for_the_hubs_next_poll(
    task: Recorded, pool: AsyncPool, hub: Hub
) -> None:
    task.seconds = 0.1  # by then the hub polls
    pool.register_with_event_loop(hub)
    completed: list[float] = []
    acknowledged: list[float] = []

    def complete(_: Any) -> None:
        completed.append(time.monotonic())
        hub.call_soon(lambda: acknowledged.append(time.monotonic()))  # as Celery puts off a late acknowledgement

    for number in range(1, 4):
        give(pool, task, complete)
        tick_until(hub, lambda number=number: len(acknowledged) == number)
    assert max(late - end for end, late in zip(completed, acknowledged, strict=True)) < 0.5


def test_a_task_that_ends_while_the_broker_is_away_is_reported_after_the_reconnect(
    task: Recorded, pool: AsyncPool, hub: Hub
) -> None:
    pool.register_with_event_loop(hub)
    hub.reset()
    reported: list[Any] = []
    give(pool, task, reported.append)
    pool.spawn(pool.drain()).result(timeout=20)
    assert reported == []
    pool.register_with_event_loop(hub)
    tick_until(hub, lambda: reported)
    give(pool, task, reported.append)
    tick_until(hub, lambda: len(reported) == 2)


def test_a_completion_that_fails_keeps_back_no_other(task: Recorded, pool: AsyncPool, hub: Hub) -> None:
    pool.register_with_event_loop(hub)
    reported: list[Any] = []
    give(pool, task, lambda _: reported[0])
    give(pool, task, reported.append)
    tick_until(hub, lambda: reported)


def test_a_stopped_pool_leaves_no_socket_in_the_hub(pool: AsyncPool, hub: Hub) -> None:
    pool.register_with_event_loop(hub)
    assert len(hub.readers) == 2
    pool.stop()
    assert len(hub.readers) == 1


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
