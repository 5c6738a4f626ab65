"""What may be in Redis when no job is left to do, key by key."""

from __future__ import annotations

import re
from collections.abc import Iterable

from redis.asyncio import Redis

from pointsman.router.store import Keys
from pointsman.router.store.keys import PATTERNS
from pointsman.router.vocabulary.delivery import DeliveryState
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.job import TERMINAL
from tests.chaos.fleet.fleet import MODELS

KEPT = ("job", "history", "request", "decision", "answer", "idempotency", "echo", "delivery")
"""Records of ended jobs and deliveries, requests of dead letters, and what answers a resent request: each must have
an expiry."""

BOOKKEEPING = (
    "sequence", "finished", "models", "cursors", "dispatchers", "reap", "config",
    "workers", "model", "stats", "reservations", "reserved", "pace", "calls", "allowance", "breaker", "outcomes",
    "probes", "delivery_sequence", "senders", "troubles", "clock",
)  # fmt: skip
"""Keys whose number does not grow with the jobs. `reservations` holds the calls of the last minute."""

UNCLAIMED = 9007199254740991  # the score of a reservation whose binding nobody has claimed

KOMBUS = re.compile(r"_kombu\.binding[._].+|.+\.celery\.pidbox")


async def left_over(redis: Redis, keys: Keys) -> list[str]:
    """Return every key that should not be there, and what is wrong inside of those that may be."""
    found = [key async for key in redis.scan_iter(match=f"{keys.prefix}*", count=5000)]
    kept = [key for key in found if _is_one_of(key, keys, KEPT) or key.startswith(keys.results)]
    fixed = _fixed(keys)
    strange = [key for key in set(found) - set(kept) - fixed if not KOMBUS.fullmatch(key.removeprefix(keys.prefix))]
    return strange + await _without_expiry(redis, kept) + await _unclaimed(redis, keys)


def _is_one_of(key: str, keys: Keys, names: Iterable[str]) -> bool:
    return any(key.startswith(keys.key(name)) for name in names)


def _fixed(keys: Keys) -> set[str]:
    """Return the bookkeeping keys by name; where there is one for each model, for ours alone."""
    names = {keys.key("state", state) for state in TERMINAL} | {keys.key("dead", kind) for kind in ErrorKind}
    names |= {keys.key("deliveries", state) for state in (DeliveryState.DELIVERED, DeliveryState.DEAD)}
    for name in BOOKKEEPING:
        names |= {keys.key(name, model) for model in (MODELS if "%s" in PATTERNS[name] else [""])}
    return names


async def _without_expiry(redis: Redis, kept: list[str]) -> list[str]:
    pipeline = redis.pipeline(transaction=False)
    for key in kept:
        pipeline.pttl(key)
    times = await pipeline.execute() if kept else []
    return [f"{key} never expires" for key, left in zip(kept, times, strict=True) if left == -1]


async def _unclaimed(redis: Redis, keys: Keys) -> list[str]:
    """Return the reservations that nothing would ever take away, and the sums that do not add up."""
    wrong = []
    for model in MODELS:
        stuck = await redis.zrangebyscore(keys.key("reservations", model), UNCLAIMED, "+inf")
        wrong += [f"the reservation of {entry} on {model} is left" for entry in stuck]
        reserved = await redis.hgetall(keys.key("reserved", model))
        total, unclaimed = int(reserved.pop("total", 0)), int(reserved.pop("unclaimed", 0))
        if unclaimed:
            wrong.append(f"{unclaimed} tokens are reserved on {model} by bindings that are not claimed")
        if total != sum(map(int, reserved.values())):
            wrong.append(f"{total} tokens are reserved on {model}, and not the sum of {len(reserved)} reservations")
    return wrong
