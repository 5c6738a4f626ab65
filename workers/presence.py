"""Announces a worker's slots from its consumer's own timer: a consumer that hangs stops announcing.

A pool that has grown or shrunk is announced at once.
"""

from __future__ import annotations

from typing import Any

from celery import bootsteps

from .queues import models_of, share_slots
from .runtime import Runtime

ANNOUNCEMENTS_PER_PRESENCE = 3


class Presence(bootsteps.StartStopStep):  # type: ignore[misc] # celery has no types
    """Runs while the consumer is connected; its timer ticks only once the worker is ready."""

    requires = ("celery.worker.consumer:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._timers: list[Any] = []

    def start(self, consumer: Any) -> None:
        """Announce at once and then three times within the time after which Redis forgets a worker."""
        runtime: Runtime = consumer.controller.pointsman_runtime
        every = runtime.settings.presence_seconds / ANNOUNCEMENTS_PER_PRESENCE
        consumer.pool.resized = lambda: self._tick(consumer)
        self._timers = [
            consumer.timer.call_after(0.05, self._tick, (consumer,)),
            consumer.timer.call_repeatedly(every, self._tick, (consumer,)),
        ]

    def _tick(self, consumer: Any) -> None:
        queues = [queue.name for queue in consumer.task_consumer.queues]
        runtime: Runtime = consumer.controller.pointsman_runtime
        shares = share_slots(consumer.pool.limit, models_of(queues, runtime.catalog))
        consumer.pool.spawn(runtime.announce(shares))

    def stop(self, consumer: Any) -> None:
        """Stop announcing."""
        for timer in self._timers:
            timer.cancel()
        self._timers = []
