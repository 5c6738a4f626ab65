"""A Celery pool that runs every task of a process on one asyncio event loop: no thread and no process per job.

A task with a coroutine `arun(task_id, request)` is awaited on the loop. Its outcome is then handed to Celery's own
synchronous tracer, whose `run()` merely returns or raises it, so that results, signals and events are Celery's own.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any, Protocol, TypeVar

from celery.concurrency.base import BasePool

from pointsman.router.runtime.cancellation import stop

from .errors import TIME_LIMIT

log = logging.getLogger("pointsman.pool")

Value = TypeVar("Value")


JOIN_SECONDS = 15.0
WITHDRAW_SECONDS = 3.0


class Shared(Protocol):
    """What all tasks of a process share: draining when it stops, closed when the last task has ended.

    After a stop, tasks in flight have `grace_seconds` to end.
    """

    grace_seconds: float

    async def withdraw(self) -> None:
        """Take no more."""

    async def close(self) -> None:
        """Close every connection."""


class AsyncPool(BasePool):  # type: ignore[misc] # celery has no types
    """One event loop in one thread; Celery's hub thread hands tasks over and gets their completions back."""

    signal_safe = False
    task_join_will_block = False
    body_can_be_buffer = True

    def on_start(self) -> None:
        """Start the loop's thread and wait until the loop runs."""
        self._hub: Any = None
        self._arrived: deque[tuple[int, Callable[..., Any], Any, dict[str, Any]]] = deque()
        self._begin_scheduled = False
        self._done: deque[Callable[[], None]] = deque()
        self._flush_scheduled = False
        self._done_signal, self._signal_sender = socket.socketpair()
        for end in (self._done_signal, self._signal_sender):
            end.setblocking(False)
        self._pids = count(1)
        self._running: dict[int, asyncio.Task[Any]] = {}
        self.shared: Shared | None = None
        self.resized: Callable[[], None] = _nothing
        self._hurried = asyncio.Event()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="pointsman-loop", daemon=True)
        started = threading.Event()
        self.loop.call_soon(started.set)
        self._thread.start()
        started.wait()

    def register_with_event_loop(self, hub: Any) -> None:
        """Let the hub read the signal that completions wait; called again after a reconnect, on an emptied hub.

        By `hub.call_soon` they would run before the hub polls, and the acknowledgements, which Celery puts off by
        another `call_soon`, after that poll, which nothing wakes: a slot stood idle for 200 ms. What a reader puts
        off runs before the next poll.
        """
        self._hub = hub
        hub.add_reader(self._done_signal, self.flush_completions)

    def spawn(self, coroutine: Coroutine[Any, Any, Value]) -> Future[Value]:
        """Run a coroutine on the loop from any other thread; raises RuntimeError once the loop has stopped."""
        if not self.loop.is_running():
            coroutine.close()
            raise RuntimeError("the pool's event loop has stopped")
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def on_apply(self, target: Callable[..., Any], args: Any = (), kwargs: Any = None, **options: Any) -> None:
        """Take over one task; called from the hub's thread."""
        pid = next(self._pids)
        options["accept_callback"](pid, time.monotonic())
        self._arrived.append((pid, target, args, options))
        if not self._begin_scheduled:  # to wake the loop costs a system call: tasks that come together share it
            self._begin_scheduled = True
            self.loop.call_soon_threadsafe(self._begin_all)

    def _begin_all(self) -> None:
        self._begin_scheduled = False
        while self._arrived:
            self._begin(*self._arrived.popleft())

    def _begin(self, pid: int, target: Callable[..., Any], args: Any, options: dict[str, Any]) -> None:
        name, task_id, request = args[:3]
        began = time.monotonic()
        running = self.loop.create_task(self.app.tasks[name].arun(task_id, request))
        self._running[pid] = running
        report = partial(_report, options["callback"], began)
        running.add_done_callback(lambda _: self._ended(pid, target, args, report))
        seconds = self._time_limit(options)
        if seconds is not None:
            ending = self.loop.call_later(seconds, running.cancel, TIME_LIMIT)
            running.add_done_callback(lambda _: ending.cancel())

    def _time_limit(self, options: dict[str, Any]) -> float | None:
        """Return the task's time limit, else the worker's; soft or hard, either stops the call."""
        names = ("soft_timeout", "timeout")
        return min(filter(None, (options.get(name) or self.options.get(name) for name in names)), default=None)

    def _ended(
        self, pid: int, target: Callable[..., Any], args: Any, report: Callable[[tuple[Any, Any]], None]
    ) -> None:
        """Let Celery's tracer take the outcome; also of a task that was stopped before its first step."""
        running = self._running.pop(pid)
        task = self.app.tasks[args[0]]
        task.outcomes[args[1]] = task.stopped() if running.cancelled() else running.exception() or running.result()
        failed, value, _ = target(*args)
        self._hand_back(lambda: report((failed, value)))

    def _hand_back(self, completion: Callable[[], None]) -> None:
        self._done.append(completion)
        if self._hub is None:
            self.flush_completions()
        elif not self._flush_scheduled:
            self._flush_scheduled = True
            with suppress(OSError):  # a signal that is there already is enough, and a closed pool needs none
                self._signal_sender.send(b".")

    def flush_completions(self) -> None:
        """Run the completions that wait: events and bookkeeping, in the hub's thread."""
        with suppress(OSError):  # nothing is there where nobody signalled
            self._done_signal.recv(4096)
        self._flush_scheduled = False  # after the signal is read: what ends from now on signals again
        while self._done:
            try:
                self._done.popleft()()
            except Exception:  # one task's completion must not keep back the others
                log.exception("a completed task could not be reported")

    def on_stop(self) -> None:
        """Wait for what is in flight, for the grace time at most, report it, and stop the loop."""
        self._shut_down(self.drain_or_cancel())

    def hurry(self) -> None:
        """Wait no longer for what is in flight; may be called from a signal handler."""
        self.loop.call_soon_threadsafe(self._hurried.set)

    def on_terminate(self) -> None:
        """Stop everything in flight, each task saying what becomes of its job, and stop the loop."""
        self._shut_down(self.cancel_all())

    def _shut_down(self, ending: Coroutine[Any, Any, None]) -> None:
        """End once: Celery's cold shutdown stops the pool first and terminates it afterwards."""
        if not self.loop.is_running():
            ending.close()
            self.flush_completions()
            return
        self.spawn(self._withdraw_and(ending)).result()
        self.flush_completions()  # the hub no longer ticks
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=JOIN_SECONDS)
        self._close_signal()

    def _close_signal(self) -> None:
        if self._hub is not None:
            self._hub.remove_reader(self._done_signal)
        for end in (self._done_signal, self._signal_sender):
            end.close()

    async def _withdraw_and(self, ending: Coroutine[Any, Any, None]) -> None:
        """Take no more, let what is in flight end, and close what the tasks shared."""
        withdrawing = asyncio.create_task(self.shared.withdraw()) if self.shared is not None else None
        await asyncio.sleep(0)  # from here on nothing more is taken, also where Redis does not answer
        await ending
        if withdrawing is not None:
            await asyncio.wait([withdrawing], timeout=WITHDRAW_SECONDS)
        if self.shared is not None:
            try:
                async with asyncio.timeout(JOIN_SECONDS):
                    await self.shared.close()
            except TimeoutError:
                log.warning("connections did not close within %.0f s and are left to the system", JOIN_SECONDS)

    async def drain(self) -> None:
        """Wait until nothing is in flight."""
        while self._running:
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def drain_or_cancel(self) -> None:
        """Wait until nothing is in flight; stop what still is when the grace time is over or somebody hurries."""
        waits = asyncio.create_task(self.drain()), asyncio.create_task(self._hurried.wait())
        grace_seconds = self.shared.grace_seconds if self.shared is not None else None
        await asyncio.wait(waits, timeout=grace_seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._running:
            log.warning("%d calls did not end in time and are stopped; their jobs go back", len(self._running))
            await self.cancel_all()
        await stop(*waits)

    async def cancel_all(self) -> None:
        """Stop everything in flight and wait until it has stopped."""
        for task in self._running.values():
            task.cancel()
        await self.drain()

    def grow(self, n: int = 1) -> None:
        """Have `n` more slots; Celery raises the prefetch by as many."""
        self.limit += n
        self.resized()

    def shrink(self, n: int = 1) -> None:
        """Have `n` slots fewer, while calls in flight go on; raises ValueError where none would be left."""
        if n >= self.limit:
            raise ValueError(f"the pool has {self.limit} slots, and one has to stay")
        self.limit -= n
        self.resized()

    def terminate_job(self, pid: int, signal: Any = None) -> None:
        """Stop one task; `pid` is the number given to its accept callback."""
        self.loop.call_soon_threadsafe(self._cancel, pid)

    def _cancel(self, pid: int) -> None:
        task = self._running.get(pid)
        if task is not None:
            task.cancel()

    def _get_info(self) -> dict[str, Any]:
        return {**super()._get_info(), "in-flight": len(self._running)}


def _nothing() -> None:
    """Do nothing, until somebody wants to know of a new size."""


def _report(callback: Callable[..., Any], began: float, seen: tuple[Any, Any]) -> None:
    """Tell Celery whether the task failed, what it returned, and how long it really took."""
    callback((*seen, time.monotonic() - began))
