"""Announces a worker's slots from its consumer's own timer: a consumer that hangs stops announcing.

What is announced of a model is also all that the worker takes of it. A pool that has grown or shrunk is announced
at once.
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
        self._wanted: dict[str, int] = {}

    def start(self, consumer: Any) -> None:
        """Announce at once and then three times within the time after which Redis forgets a worker."""
        runtime: Runtime = consumer.controller.pointsman_runtime
        every = runtime.settings.presence_seconds / ANNOUNCEMENTS_PER_PRESENCE
        consumer.pool.resized = lambda: self._tick(consumer)
        self._share(consumer)
        self._timers = [
            consumer.timer.call_after(0.05, self._tick, (consumer,)),
            consumer.timer.call_repeatedly(every, self._tick, (consumer,)),
        ]

    def _tick(self, consumer: Any) -> None:
        runtime: Runtime = consumer.controller.pointsman_runtime
        consumer.pool.spawn(runtime.announce(self._share(consumer)))

    def _share(self, consumer: Any) -> dict[str, int]:
        """Let the worker take no more of each model than its share of the slots, and return the shares."""
        queues = [queue.name for queue in consumer.task_consumer.queues]
        models = models_of(queues, consumer.controller.pointsman_runtime.catalog)
        for model in models:  # a changed worker_concurrency counts from the next start
            self._wanted.setdefault(model.name, model.worker_concurrency)
        shares = share_slots(consumer.pool.limit, {model.name: self._wanted[model.name] for model in models})
        consumer.task_consumer.share({model.queue: shares[model.name] for model in models})
        return shares

    def stop(self, consumer: Any) -> None:
        """Stop announcing."""
        for timer in self._timers:
            timer.cancel()
        self._timers = []
