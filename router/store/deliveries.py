"""Deliveries as those see them who wait for what they tell: look up, list, redeliver."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from ..vocabulary.delivery import Delivery, DeliveryState, Try
from ..vocabulary.errors import UnknownDelivery
from ..vocabulary.views import DeliveryPage
from ..vocabulary.webhook import OWN
from .calls import Redeliver
from .connection import translated
from .keys import Keys
from .scripts import Scripts

TRY = "try:"
PER_SECOND = 1_000_000
"""What the indexes count in."""


class DeliveryStore:
    """The callers' side of the webhooks."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys
        self._scripts = Scripts(redis, keys)

    async def get(self, delivery_id: str) -> Delivery:
        """Return all that is known of a delivery; raises UnknownDelivery."""
        found = (await self._get_many([delivery_id]))[0]
        if found is None:
            raise UnknownDelivery(delivery_id)
        return found

    async def page(self, state: DeliveryState, *, limit: int, cursor: int | None = None) -> DeliveryPage:
        """Return deliveries in one state, of all tenants."""
        below = f"({cursor}" if cursor is not None else "+inf"
        with translated():
            found: Any = await self._redis.zrange(
                self._keys.key("deliveries", state), below, "-inf", desc=True, byscore=True, offset=0, num=limit,
                withscores=True,
            )  # fmt: skip
        records = await self._get_many([delivery_id for delivery_id, _ in found])
        page = [record for record in records if record is not None and record.state is state]
        return DeliveryPage(page, int(found[-1][1]) if len(found) == limit else None)

    async def _get_many(self, ids: Sequence[str]) -> list[Delivery | None]:
        if not ids:
            return []
        with translated():
            pipeline = self._redis.pipeline(transaction=False)
            for delivery_id in ids:
                pipeline.hgetall(self._keys.key("delivery", delivery_id))
                pipeline.zscore(self._keys.key("deliveries", DeliveryState.WAITING), delivery_id)
            rows: Any = await pipeline.execute()
        pairs = zip(ids, rows[::2], rows[1::2], strict=True)
        return [_read(delivery_id, row, due) if row else None for delivery_id, row, due in pairs]

    async def redeliver(self, delivery_id: str) -> DeliveryState:
        """Let a delivery begin anew, and return the state it is in now; raises UnknownDelivery."""
        answer = await self._scripts.run(Redeliver(id=delivery_id))
        if answer.after is None:
            raise UnknownDelivery(delivery_id)
        return DeliveryState(answer.after)


def _read(delivery_id: str, row: Mapping[str, str], due: float | None) -> Delivery:
    numbers = sorted(int(name.removeprefix(TRY)) for name in row if name.startswith(TRY))
    return Delivery.model_validate(
        {
            "id": delivery_id,
            "url": None if row["target"] == OWN else row["target"],
            "created": int(row["created"]) / 1000,
            "ended": int(row["ended"]) / 1000 if "ended" in row else None,
            "due": None if due is None else due / PER_SECOND,
            "tries": [_read_try(row[f"{TRY}{number}"]) for number in numbers],
            **{name: row[name] for name in ("event", "about", "tenant", "state")},
        }
    )


def _read_try(kept: str) -> Try:
    at, _, record = kept.partition(" ")
    return Try.model_validate({"at": int(at) / 1000, **json.loads(record)})
