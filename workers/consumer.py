"""Celery's consumer without mingle and gossip: workers here need nothing of each other."""

from __future__ import annotations

from typing import Any

from celery.worker.consumer import Consumer as CelerysConsumer


class Consumer(CelerysConsumer):  # type: ignore[misc] # celery has no types
    """The consumer that `worker_consumer` names: as if started with --without-mingle --without-gossip."""

    def __init__(self, *args: Any, worker_options: dict[str, Any] | None = None, **options: Any) -> None:
        without = {**(worker_options or {}), "without_mingle": True, "without_gossip": True}
        super().__init__(*args, worker_options=without, **options)
