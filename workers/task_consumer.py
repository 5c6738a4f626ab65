"""Celery's task consumer, which takes the messages of each queue on a channel of its own, up to a share of its own.

A kombu channel has one prefetch for all its queues: in a worker of several models a slow one would fill the slots
of the others, since what ends makes room for whoever has a message. What a model may not take yet stays in its
queue, where another worker can take it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from celery.app.amqp import AMQP
from celery.worker.state import active_requests
from kombu import Consumer


class TaskConsumer(Consumer):  # type: ignore[misc] # kombu has no types
    """A consumer whose queues share nothing; a queue without a share has the prefetch that Celery sets."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._channels: dict[str, Any] = {}
        self._shares: dict[str, int] = {}
        self._prefetch = 0
        self._earlier = list(active_requests)  # what a lost connection left in flight
        super().__init__(*args, **options)

    def share(self, shares: Mapping[str, int]) -> None:
        """Let each of these queues have so many messages in hand, also those of an earlier connection."""
        self._shares = dict(shares)
        self._set_prefetch()

    def qos(self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False) -> None:
        """Set what queues without a share may have in hand."""
        self._prefetch = prefetch_count
        self._set_prefetch()

    def _set_prefetch(self) -> None:
        for queue, channel in self._channels.items():
            channel.basic_qos(0, self._shares.get(queue, self._prefetch), False)

    def _basic_consume(self, queue: Any, **options: Any) -> Any:
        bound = queue(self.channel)
        bound.revive(self._channel_of(queue.name))
        return super()._basic_consume(bound, **options)

    def _channel_of(self, queue: str) -> Any:
        """Return the queue's channel; the first one has that of the connection."""
        if queue not in self._channels:
            first = not self._channels
            channel = self.channel if first else self.channel.connection.client.channel()
            channel.qos.in_flight_elsewhere = lambda: self._count_earlier(queue)
            self._channels[queue] = channel
            self._set_prefetch()
        return self._channels[queue]

    def _count_earlier(self, queue: str) -> int:
        if self._earlier:
            self._earlier = [request for request in self._earlier if request in active_requests]
        return sum(request.delivery_info.get("routing_key") == queue for request in self._earlier)

    def cancel(self) -> None:
        """Consume from no queue any more."""
        for queue in list(self._active_tags):
            self._stop_consuming(queue)
        super().cancel()

    close = cancel

    def cancel_by_queue(self, queue: Any) -> None:
        """Consume from a queue no more."""
        name = getattr(queue, "name", queue)
        self._stop_consuming(name)
        super().cancel_by_queue(name)

    def _stop_consuming(self, queue: str) -> None:
        tag = self._active_tags.pop(queue, None)
        if tag is not None:
            self._channels[queue].basic_cancel(tag)


class Amqp(AMQP):  # type: ignore[misc] # celery has no types
    """Celery's queues, consumed by that consumer."""

    Consumer = TaskConsumer
