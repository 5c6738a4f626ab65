"""A Celery pool that runs every task of a process on one asyncio event loop: no thread and no process per job.

A task with a coroutine `arun(task_id, request)` is awaited on the loop. Its outcome is then handed to Celery's own
synchronous tracer, whose `run()` merely returns or raises it, so that results, signals and events are Celery's own.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from itertools import count
from typing import Any, TypeVar

from celery.concurrency.base import BasePool

log = logging.getLogger("pointsman.pool")

Value = TypeVar("Value")


class AsyncPool(BasePool):  # type: ignore[misc] # celery has no types
    """One event loop in one thread; Celery's hub thread hands tasks over and gets their completions back."""

    signal_safe = False
    task_join_will_block = False
    body_can_be_buffer = True

    def on_start(self) -> None:
        """Start the loop's thread and wait until the loop runs."""
        self._hub: Any = None
        self._done: deque[Callable[[], None]] = deque()
        self._flush_asked = False
        self._pids = count(1)
        self._running: dict[int, asyncio.Task[None]] = {}
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="pointsman-loop", daemon=True)
        self._thread.start()

    def register_with_event_loop(self, hub: Any) -> None:
        """Remember the hub that completions go back to."""
        self._hub = hub

    def spawn(self, coroutine: Coroutine[Any, Any, Value]) -> Future[Value]:
        """Run a coroutine on the loop from any other thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def on_apply(self, target: Callable[..., Any], args: Any = (), kwargs: Any = None, **options: Any) -> None:
        """Take over one task; called from the hub's thread."""
        pid = next(self._pids)
        options["accept_callback"](pid, time.monotonic())
        self.loop.call_soon_threadsafe(self._begin, pid, target, args, options["callback"])

    def _begin(self, pid: int, target: Callable[..., Any], args: Any, callback: Callable[..., Any]) -> None:
        task = self.loop.create_task(self._carry_out(target, args, callback))
        self._running[pid] = task
        task.add_done_callback(lambda _: self._running.pop(pid, None))

    async def _carry_out(self, target: Callable[..., Any], args: Any, callback: Callable[..., Any]) -> None:
        name, task_id, request = args[:3]
        task = self.app.tasks[name]
        started = time.monotonic()
        try:
            task.outcomes[task_id] = await task.arun(task_id, request)
        except asyncio.CancelledError:
            task.outcomes[task_id] = task.stopped()
        except Exception as error:  # the tracer reports it as any Celery task's error
            task.outcomes[task_id] = error
        failed, value, _ = target(*args)
        self._hand_back(lambda: callback((failed, value, time.monotonic() - started)))

    def _hand_back(self, completion: Callable[[], None]) -> None:
        self._done.append(completion)
        if self._hub is None:
            self.flush_completions()
        elif not self._flush_asked:
            self._flush_asked = True
            self._hub.call_soon(self.flush_completions)

    def flush_completions(self) -> None:
        """Run the completions that wait: events and bookkeeping, in the hub's thread."""
        self._flush_asked = False
        while self._done:
            try:
                self._done.popleft()()
            except Exception:  # one task's completion must not keep back the others
                log.exception("a completed task could not be reported")

    def on_stop(self) -> None:
        """Wait for everything in flight, report it, and stop the loop."""
        self.spawn(self.drain()).result()
        self._close()

    def on_terminate(self) -> None:
        """Stop everything in flight; each task gets to say what becomes of its job."""
        self.spawn(self.cancel_all()).result(timeout=10)
        self._close()

    def _close(self) -> None:
        self.flush_completions()  # the hub no longer ticks
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(timeout=5)

    async def drain(self) -> None:
        """Wait until nothing is in flight."""
        while self._running:
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def cancel_all(self) -> None:
        """Stop everything in flight and wait until it has stopped."""
        for task in self._running.values():
            task.cancel()
        await self.drain()

    def terminate_job(self, pid: int, signal: Any = None) -> None:
        """Stop one task; `pid` is the number given to its accept callback."""
        self.loop.call_soon_threadsafe(self._cancel, pid)

    def _cancel(self, pid: int) -> None:
        task = self._running.get(pid)
        if task is not None:
            task.cancel()

    def _get_info(self) -> dict[str, Any]:
        return {**super()._get_info(), "in-flight": len(self._running)}
