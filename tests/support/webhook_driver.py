"""Drives the way of deliveries with the clock of a store driver, and reads back what Redis holds of them."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from pointsman.router.broker.message import WEBHOOK_QUEUE, WEBHOOK_TASK, message_template, read_task_id
from pointsman.router.store import ClaimedDelivery, DeliveryQueue, DeliverySettlement, DeliveryStore
from pointsman.router.store.calls import Change, Redeliver
from pointsman.router.vocabulary.delivery import Delivery, DeliveryState
from tests.support.store_driver import Driver

SECRET = "whsec_" + b64encode(b"a secret of thirty-two bytes ...").decode()
HERE = "https://receiver.example/hooks"
DELIVERED = DeliverySettlement(DeliveryState.DELIVERED, {"seconds": 0.1, "status": 200})
DEAD = DeliverySettlement(DeliveryState.DEAD, {"seconds": 0.1, "status": 410})


def again(seconds: float = 5.0) -> DeliverySettlement:
    """Return the end of a try that failed."""
    return DeliverySettlement(DeliveryState.WAITING, {"seconds": 0.1, "status": 500}, seconds)


class Webhooks:
    """The sides of dispatcher, senders and callers, for one store driver."""

    def __init__(self, driver: Driver) -> None:
        self.driver, self.redis, self.keys = driver, driver.redis, driver.keys
        self.sending = DeliveryQueue(driver.redis, settings=driver.settings)
        self.deliveries = DeliveryStore(driver.redis, driver.keys)
        self.template = message_template(WEBHOOK_QUEUE, WEBHOOK_TASK)

    async def owed(self, count: int = 1, webhook: str = HERE, **fields: Any) -> list[str]:
        """Let jobs end whose webhook is told of it, and return the ids of their deliveries."""
        before = set(await self.ids())
        for _ in range(count):
            await self.driver.cancel(await self.driver.submit(webhook=webhook, **fields))
        return [delivery_id for delivery_id in await self.ids() if delivery_id not in before]

    async def ids(self, state: DeliveryState = DeliveryState.WAITING) -> list[str]:
        """Return the deliveries in one state, in the order of its index."""
        found: Any = await self.redis.zrange(self.keys.key("deliveries", state), 0, -1)
        return list(found)

    async def queue(self) -> list[tuple[str, int]]:
        """Queue what is due as a dispatcher does, and take what is in the queue, the oldest first."""
        await self.sending.queue(self.template, now=self.driver.now)
        return await self.take()

    async def take(self) -> list[tuple[str, int]]:
        """Take every message out of the queue, as senders do."""
        key = self.keys.key("webhooks")
        messages: Any = await self.redis.lrange(key, 0, -1)
        await self.redis.delete(key)
        return [read_task_id(json.loads(message)["headers"]["id"]) for message in reversed(messages)]

    async def claim(self, delivery_id: str, number: int = 1, *, token: str = "t1") -> ClaimedDelivery | None:
        """Claim as a sender does."""
        return await self.sending.claim(delivery_id, number, token=token, now=self.driver.now)

    async def settle(
        self, delivery_id: str, number: int = 1, *, token: str = "t1", settlement: DeliverySettlement = DELIVERED
    ) -> DeliveryState | None:
        """Settle as a sender does."""
        return await self.sending.settle(
            delivery_id, number, token=token, settlement=settlement, now=self.driver.now
        )

    async def send(self, delivery_id: str, number: int = 1, settlement: DeliverySettlement = DELIVERED) -> None:
        """Claim and settle."""
        assert await self.claim(delivery_id, number) is not None
        assert await self.settle(delivery_id, number, settlement=settlement) is settlement.state

    async def redeliver(self, delivery_id: str) -> Change:
        """Let a delivery begin anew; returns the state before and after."""
        return await self.driver.scripts.run(Redeliver(now=self.driver.now, id=delivery_id))

    async def get(self, delivery_id: str) -> Delivery:
        """Return what is known of a delivery."""
        return await self.deliveries.get(delivery_id)
