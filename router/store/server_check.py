"""Looks at the server before a part starts: what cannot be used is refused, what could lose jobs is named."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from ..config.settings import Settings
from ..vocabulary.errors import ConfigError, StoreUnavailable
from .connection import NO_CLUSTER, open_redis, translated

OLDEST = (6, 2)
LONGEST_SECONDS = 5.0
"""How long the start of a part waits for a server that takes connections and does not answer."""
SECTIONS = ("server", "memory", "cluster")


async def check_server(redis: Redis, settings: Settings) -> list[str]:
    """Return what in the server's settings could lose jobs, in words with the cure.

    Raises ConfigError where the server cannot be used, StoreUnavailable where it cannot be asked. What its user may
    not ask is taken for good.
    """
    facts = await _facts(redis)
    if facts.get("redis_mode") == "cluster" or str(facts.get("cluster_enabled", 0)) == "1":
        raise ConfigError(NO_CLUSTER, field="POINTSMAN_REDIS_URL")
    evicts = _evicting(facts)
    if evicts and int(facts.get("maxmemory", 1)) > 0 and not settings.redis_may_evict:
        raise ConfigError(
            f"{evicts}; set it to noeviction, or set POINTSMAN_REDIS_MAY_EVICT=true where that is wanted",
            field="POINTSMAN_REDIS_URL",
        )
    warnings = [f"{evicts}; set it to noeviction"] if evicts else []
    version = str(facts.get("redis_version", "99.0"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        warnings.append(f"Redis {version} is too old: 6.2 or later is needed")
    if facts.get("appendonly", "yes") == "no" and not facts.get("save", "on"):
        warnings.append("persistence is off: a restart of Redis loses every job; set appendonly yes")
    return warnings


async def check_before_start(settings: Settings) -> None:
    """Raise ConfigError where the server cannot be used; one that is away is waited for later."""
    redis = open_redis(settings.redis_url)
    try:
        with suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(LONGEST_SECONDS):
                await check_server(redis, settings)
    finally:
        await redis.aclose()


def _evicting(facts: Mapping[str, Any]) -> str:
    policy = facts.get("maxmemory-policy", facts.get("maxmemory_policy", "noeviction"))
    if policy == "noeviction":
        return ""
    return f"maxmemory-policy is {policy}: Redis may throw jobs away when memory is short"


async def _facts(redis: Redis) -> dict[str, Any]:
    """Return what INFO and CONFIG tell; a user with few rights, or a hosted Redis, may be told nothing."""
    facts: dict[str, Any] = {}
    with translated():
        for section in SECTIONS:
            with suppress(ResponseError):
                facts |= await redis.info(section)
        with suppress(ResponseError):
            for name in ("maxmemory-policy", "maxmemory", "appendonly", "save"):
                found: Any = await redis.config_get(name)
                facts |= found
    return facts
