"""Celery's consumer without mingle and gossip, which workers here do not need, and back soon after Redis."""

from __future__ import annotations

import logging
import time
import warnings
from functools import partial
from typing import Any

from celery.exceptions import CPendingDeprecationWarning
from celery.worker.consumer import Consumer as CelerysConsumer

log = logging.getLogger("pointsman.worker")

EVENTS_EVERY_SECONDS = 0.2
EVENTS_AT_ONCE = 500

PAUSE_SECONDS = 0.5
RECONNECT = {"interval_start": PAUSE_SECONDS, "interval_step": 0.5, "interval_max": 2.0}
"""Seconds. Celery waits up to 30: by then jobs are bound to a worker that is not back, and go back unclaimed."""


class Consumer(CelerysConsumer):  # type: ignore[misc] # celery has no types
    """The consumer that `worker_consumer` names: as if started with --without-mingle --without-gossip."""

    _flush_is_due = False

    def __init__(self, *args: Any, worker_options: dict[str, Any] | None = None, **options: Any) -> None:
        without = {**(worker_options or {}), "without_mingle": True, "without_gossip": True}
        super().__init__(*args, worker_options=without, **options)

    def on_send_event_buffered(self) -> None:
        """Send events a few times a second: one by one they cost a worker more than everything else it does."""
        self.event_dispatcher.buffer_limit = EVENTS_AT_ONCE
        if not self._flush_is_due:
            self._flush_is_due = True
            self.timer.call_after(EVENTS_EVERY_SECONDS, self._flush)

    def _flush(self) -> None:
        self._flush_is_due = False
        self._flush_events()

    def ensure_connected(self, conn: Any) -> Any:
        """Return the connection once it is connected, after tries in a rhythm of ours."""
        conn.ensure_connection = partial(conn.ensure_connection, **RECONNECT)
        return super().ensure_connected(conn)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Say why the connection is lost, which Celery does not, and wait: Redis may take us and then refuse."""
        log.warning("no jobs can be taken: %s", exc)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CPendingDeprecationWarning)  # of a default that we have set
            super().on_connection_error_after_connected(exc)
        time.sleep(PAUSE_SECONDS)
