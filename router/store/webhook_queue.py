"""The way of a delivery through Redis: the dispatcher queues it, a sender claims and settles it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from ..config.settings import Settings
from ..vocabulary.delivery import DeliveryState
from ..vocabulary.webhook import WebhookEvent
from .connection import translated
from .keys import Keys
from .scripts import Scripts, milliseconds, moment

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
        looked_at, due_ms = await self._scripts.run(
            "queue_deliveries",
            moment(now),
            template,
            milliseconds(LOST_SECONDS + settings.webhook_timeout_seconds),
            settings.webhook_concurrency_per_host,
            QUEUE_AT_MOST,
            AT_ONCE,
            len(settings.webhook_waits_seconds) + 1,
            self._dead_ms,
        )
        return int(looked_at), None if due_ms == "" else int(due_ms) / 1000

    async def claim(
        self, delivery_id: str, number: int, *, token: str, now: int | None = None
    ) -> ClaimedDelivery | None:
        """Claim a delivery for one lease; None where the message is stale."""
        answer = await self._scripts.run("claim_delivery", moment(now), delivery_id, number, token, self._lease_ms)
        if answer[0] != "claimed":
            return None
        _, event, about, tenant, target, created, tries = answer
        return ClaimedDelivery(
            delivery_id, number, WebhookEvent(event), about, tenant, target, int(created) / 1000, int(tries)
        )

    async def settle(
        self, delivery_id: str, number: int, *, token: str, settlement: DeliverySettlement, now: int | None = None
    ) -> DeliveryState | None:
        """Note what came of a try; returns the delivery's state, or None where the claim was lost."""
        ttl_seconds = self.settings.webhook_ttl_seconds
        answer = await self._scripts.run(
            "settle_delivery",
            moment(now),
            delivery_id,
            number,
            token,
            settlement.state,
            milliseconds(settlement.wait_seconds),
            "" if settlement.record is None else json.dumps(settlement.record),
            milliseconds(ttl_seconds) if settlement.state is DeliveryState.DELIVERED else self._dead_ms,
        )
        return None if answer[0] == "stale" else DeliveryState(answer[0])

    async def announce(self, sender: str) -> None:
        """Say that a process which sends webhooks lives; forgotten after `presence_seconds`."""
        await self._scripts.run("announce_sender", "", sender, milliseconds(self.settings.presence_seconds))

    async def withdraw(self, sender: str) -> None:
        """Say that a process sends no more."""
        with translated():
            await self.redis.zrem(self.keys.key("senders"), sender)

    async def live_senders(self) -> list[str]:
        """Return the names of the processes that announced themselves lately, `<celery node>:<pid>:<random>`."""
        with translated():
            seconds, _ = await self.redis.time()
            since = seconds * 1000 - milliseconds(self.settings.presence_seconds)
            names: Any = await self.redis.zrange(self.keys.key("senders"), since, "+inf", byscore=True)
        return list(names)
