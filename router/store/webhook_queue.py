"""The way of a delivery through Redis: the dispatcher queues it, a sender claims and settles it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from ..config.settings import Settings
from ..vocabulary.delivery import DeliveryState
from ..vocabulary.webhook import WebhookEvent
from .calls import AnnounceSender, ClaimDelivery, QueueDeliveries, SettleDelivery
from .connection import translated
from .keys import Keys
from .scripts import Scripts, milliseconds
from .server_clock import server_time

AT_ONCE = 200
"""Deliveries that one script looks at: a millisecond or two of Redis's time."""
QUEUE_AT_MOST = 200
"""Messages that wait for a sender; the others wait in Redis, where they are kept apart by receiver."""
LOST_SECONDS = 45.0
"""How long a message may wait in the queue, beside one timeout of what is sent before it."""
SETTLE_SECONDS = 10.0
"""How long a sender may take for all but the request itself."""


@dataclass(frozen=True)
class ClaimedDelivery:
    """A claimed delivery: what is sent to whom, and how often that was tried already.

    `target` is a URL, or OWN for the tenant's webhook of the settings; `created` is in Unix seconds.
    """

    id: str
    number: int
    event: WebhookEvent
    about: str
    tenant: str
    target: str
    created: float
    tries: int


@dataclass(frozen=True)
class DeliverySettlement:
    """What came of a try; without a `record` nothing was sent, which does not count."""

    state: DeliveryState
    record: dict[str, Any] | None = None
    wait_seconds: float = 0.0


class DeliveryQueue:
    """Runs the scripts of dispatcher and senders."""

    def __init__(self, redis: Redis, *, settings: Settings) -> None:
        self.redis, self.settings = redis, settings
        self.keys = Keys(settings.key_prefix)
        self._scripts = Scripts(redis, self.keys)
        self._lease_ms = milliseconds(settings.webhook_timeout_seconds + SETTLE_SECONDS)
        self._dead_ms = milliseconds(settings.dead_ttl_seconds)

    async def queue(self, template: str, *, now: int | None = None) -> tuple[int, float | None]:
        """Queue what is due; returns how many were looked at, and in how many seconds the next is due, if any."""
        settings = self.settings
        call = QueueDeliveries(
            now=now,
            template=template,
            lost_ms=milliseconds(LOST_SECONDS + settings.webhook_timeout_seconds),
            per_receiver=settings.webhook_concurrency_per_host,
            queue_at_most=QUEUE_AT_MOST,
            most=AT_ONCE,
            tries=len(settings.webhook_waits_seconds) + 1,
            dead_ms=self._dead_ms,
        )
        answer = await self._scripts.run(call)
        return answer.looked_at, None if answer.next_due_ms is None else answer.next_due_ms / 1000

    async def claim(
        self, delivery_id: str, number: int, *, token: str, now: int | None = None
    ) -> ClaimedDelivery | None:
        """Claim a delivery for one lease; None where the message is stale."""
        call = ClaimDelivery(now=now, id=delivery_id, number=number, token=token, lease_ms=self._lease_ms)
        answer = await self._scripts.run(call)
        if answer.status != "claimed":
            return None
        return ClaimedDelivery(
            id=delivery_id,
            number=number,
            event=WebhookEvent(answer.event),
            about=answer.about,
            tenant=answer.tenant,
            target=answer.target,
            created=answer.created / 1000,
            tries=answer.tries,
        )

    async def settle(
        self, delivery_id: str, number: int, *, token: str, settlement: DeliverySettlement, now: int | None = None
    ) -> DeliveryState | None:
        """Note what came of a try; returns the delivery's state, or None where the claim was lost."""
        delivered_ms = milliseconds(self.settings.webhook_ttl_seconds)
        call = SettleDelivery(
            now=now,
            id=delivery_id,
            number=number,
            token=token,
            state=settlement.state,
            wait_ms=milliseconds(settlement.wait_seconds),
            record=None if settlement.record is None else json.dumps(settlement.record),
            kept_ms=delivered_ms if settlement.state is DeliveryState.DELIVERED else self._dead_ms,
        )
        answer = await self._scripts.run(call)
        return None if answer == "stale" else answer

    async def announce(self, sender: str) -> None:
        """Say that a process which sends webhooks lives; forgotten after `presence_seconds`."""
        presence_ms = milliseconds(self.settings.presence_seconds)
        await self._scripts.run(AnnounceSender(sender=sender, presence_ms=presence_ms))

    async def withdraw(self, sender: str) -> None:
        """Say that a process sends no more."""
        with translated():
            await self.redis.zrem(self.keys.key("senders"), sender)

    async def live_senders(self) -> list[str]:
        """Return the names of the processes that announced themselves lately, `<celery node>:<pid>:<random>`."""
        with translated():
            now = await server_time(self.redis, self.keys)
            since = milliseconds(now - self.settings.presence_seconds)
            names: Any = await self.redis.zrange(self.keys.key("senders"), since, "+inf", byscore=True)
        return list(names)
