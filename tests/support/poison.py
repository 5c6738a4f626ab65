"""What makes a job poison: strategies that fail for one job, and damage done to what Redis holds of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from redis.asyncio import Redis

from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.strategies.contract import Ask, Choice, NoOptions, Strategy
from pointsman.router.store import Keys

MARK = "poison"
"""The topic of the jobs for which the strategies below fail."""


def _first(ask: Ask, bad: Callable[[Ask], Choice]) -> Choice:
    if ask.job.context.get("topic") == MARK:
        return bad(ask)
    return Choice((ask.candidates[0].model.name,), "the first")


def _raise(ask: Ask) -> Choice:
    raise KeyError(f"nothing is known of {ask.job.context}")


BAD_CHOICES: Mapping[str, Callable[[Ask], Any]] = {
    "raises": _raise,
    "answers_nothing": lambda ask: None,
    "names_no_model": lambda ask: Choice(("nobody",), "why not"),
    "reason_is_no_text": lambda ask: Choice((ask.candidates[0].model.name,), object()),  # type: ignore[arg-type] # that is the mistake
    "score_is_no_number": lambda ask: Choice((ask.candidates[0].model.name,), "", {"gpt-4": "high"}),  # type: ignore[dict-item] # that is the mistake
    "cursor_is_no_text": lambda ask: Choice((ask.candidates[0].model.name,), "", cursor=7),  # type: ignore[arg-type] # that is the mistake
    "half_a_surrogate": lambda ask: Choice((ask.candidates[0].model.name,), "\ud800"),
}


def _strategy(name: str, bad: Callable[[Ask], Any]) -> Strategy:
    def choose(ask: Ask, options: NoOptions) -> Choice:
        return _first(ask, bad)

    return Strategy(name, choose)


STRATEGIES = {name: _strategy(name, bad) for name, bad in BAD_CHOICES.items()}
globals().update(STRATEGIES)


def with_strategy(catalog: Catalog, strategy: Any, *, task_class: str = "technical_support") -> Catalog:
    """Return the catalog with another strategy for one class."""
    data = catalog.model_dump()
    data["task_classes"][task_class]["strategy"] = strategy
    return Catalog.model_validate(_without_names(data))


def _without_names(data: Mapping[str, Any]) -> dict[str, Any]:
    groups = ("models", "task_classes", "aliases")
    return {
        key: {name: {k: v for k, v in one.items() if k != "name"} for name, one in value.items()}
        if key in groups
        else value
        for key, value in data.items()
    }


Damage = Callable[[Redis, Keys, str], Awaitable[object]]


async def _lane(redis: Redis, keys: Keys, job_id: str, name: str) -> None:
    """Move a waiting job to a lane that is called so."""
    lane: Any = await redis.hget(keys.key("job", job_id), "lane")
    score: Any = await redis.zscore(keys.key("lane", lane), job_id)
    await redis.zrem(keys.key("lane", lane), job_id)
    await redis.hset(keys.key("job", job_id), "lane", name)
    await redis.zadd(keys.key("lane", name), {job_id: score})
    await redis.zadd(keys.key("lanes"), {name: score})


def _facts(value: str | bytes) -> Damage:
    return lambda redis, keys, job_id: redis.hset(keys.key("job", job_id), "facts", value)


async def _no_hash(redis: Redis, keys: Keys, job_id: str) -> None:
    await redis.delete(keys.key("job", job_id))
    await redis.set(keys.key("job", job_id), "what is this?")


def _without(*fields: str) -> Damage:
    return lambda redis, keys, job_id: redis.hdel(keys.key("job", job_id), *fields)


EVICTED: Damage = lambda redis, keys, job_id: redis.delete(keys.key("job", job_id))  # noqa: E731 # a row of the tables below

UNREADABLE: Mapping[str, Damage] = {
    "facts are no JSON": _facts("{"),
    "facts are a list": _facts("[]"),
    "facts without numbers": _facts('{"in":"many"}'),
    "facts beyond all bounds": _facts('{"in":1e300}'),
    "facts are no UTF-8": _facts(b"\xff\xfe"),
    "a lane without parts": lambda redis, keys, job_id: _lane(redis, keys, job_id, "nonsense"),
    "a lane of another version": lambda redis, keys, job_id: _lane(redis, keys, job_id, "a|b|c|d|e"),
    "a strategy that is gone": _facts('{"in":1,"out":1,"strategy":["a_removed_plugin"]}'),
    "a strategy that needs rules": _facts('{"in":1,"out":1,"strategy":["contextual"]}'),
}
"""Damage after which a waiting job cannot be placed; its record can still say that it is in quarantine."""

NO_RECORD: Mapping[str, Damage] = {"evicted": EVICTED, "no hash": _no_hash}
"""Damage after which nothing is left of a job that could be kept."""

INCOMPLETE: Mapping[str, Damage] = {
    "no seq": _without("seq"),
    "no priority": _without("priority"),
    "neither of them": _without("seq", "priority"),
}
"""Damage that a job survives."""

FIELDS = (
    "state", "seq", "lane", "priority", "submitted", "deadline", "may_take", "tenant", "facts", "max_attempts",
    "task_class", "pinned_model", "binding", "model", "bound_at", "attempts", "losses", "worker", "started",
    "attempt_ends", "counted", "streamed", "batch", "offset", "webhook", "keep", "not_before", "failed_by",
    "faults", "deferred", "metadata", "rate_limits", "claim",
)  # fmt: skip
"""What a job's hash may hold."""
