"""The duty of every dispatcher that lets webhooks be sent: it queues the deliveries that are due."""

from __future__ import annotations

import asyncio

from ..broker.message import WEBHOOK_QUEUE, WEBHOOK_TASK, message_template
from ..store import DeliveryQueue

LONGEST_SLEEP_SECONDS = 5.0
"""A claim shortens a lease and tells nobody, and a call for a look can be lost while the connection is away."""
FULL_SECONDS = 0.2
"""Between two looks while more are due than the queue takes."""


class WebhookDuty:
    """Queues deliveries as long as `run` runs; `woken` calls for a look at once."""

    def __init__(self, store: DeliveryQueue) -> None:
        self._store = store
        self._template = message_template(WEBHOOK_QUEUE, WEBHOOK_TASK)
        self.woken = asyncio.Event()

    async def run(self) -> None:
        """Queue what is due, and sleep until somebody calls or the next is due."""
        while True:
            self.woken.clear()
            looked_at, due_seconds = await self._store.queue(self._template)
            if looked_at and due_seconds == 0:
                continue  # more are due than one script may take
            await self._sleep(LONGEST_SLEEP_SECONDS if due_seconds is None else max(due_seconds, FULL_SECONDS))

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(min(seconds, LONGEST_SLEEP_SECONDS)):
                await self.woken.wait()
        except TimeoutError:
            pass
