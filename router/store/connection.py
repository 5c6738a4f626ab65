"""Opens Redis connections, checks the server's settings, and translates redis-py's errors once."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import redis.exceptions as failures
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from ..config.redis_url import read_redis_url
from ..vocabulary.errors import StoreUnavailable
from .pools import Demoted, is_refusal, open_pool

SOCKET_TIMEOUT_SECONDS = 10.0
CONNECT_TIMEOUT_SECONDS = 3.0
POOL_TIMEOUT_SECONDS = 20.0  # above the number of connections, calls wait in line instead of failing


REPLACED_WHEN_READ = "pointsman_replaced_when_read"
"""How text is coded: damage that is read shows as U+FFFD, since it concerns one value and not all of a reply."""


def _replaced_when_read(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return "\N{REPLACEMENT CHARACTER}", error.end
    raise error


def open_redis(url: str, *, connections: int = 64) -> Redis:
    """Return a client with timeouts; every script is safe to repeat, so a lost reply is asked for again."""
    where = read_redis_url(url)
    codecs.register_error(REPLACED_WHEN_READ, _replaced_when_read)
    ours = {
        "decode_responses": True,
        "encoding_errors": REPLACED_WHEN_READ,
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": 15,
        "max_connections": connections,
        "timeout": POOL_TIMEOUT_SECONDS,
        "retry": Retry(ExponentialBackoff(cap=0.5, base=0.05), 2),
    }
    return Redis.from_pool(open_pool(where, **{**ours, **where.options}))


@contextmanager
def translated() -> Iterator[None]:
    """Turn a redis-py error that means 'not now' into StoreUnavailable; let the others show a bug."""
    try:
        yield
    except Demoted as error:
        raise StoreUnavailable(f"Redis refuses to write: {error}") from error
    except (failures.ConnectionError, failures.TimeoutError, ConnectionError, TimeoutError) as error:
        raise StoreUnavailable(f"Redis cannot be reached: {error}") from error
    except failures.ResponseError as error:
        if is_refusal(error):
            raise StoreUnavailable(f"Redis refuses to write: {error}") from error
        raise


def checked(reply: Any) -> Any:
    """Return what a pipeline that raises nothing got for one key; raises LookupError where that key is damaged.

    Any other error is one of the server's, and is raised as it is.
    """
    if isinstance(reply, failures.ResponseError) and "WRONGTYPE" in str(reply):
        raise LookupError(f"it is damaged: {reply}")
    if isinstance(reply, Exception):
        raise reply
    return reply


async def server_warnings(redis: Redis) -> list[str]:
    """Return what in the server's settings could lose jobs, in words with the cure; raises StoreUnavailable."""
    warnings = []
    with translated():
        info = await redis.info("server")
        settings: dict[str, Any] = {}
        with suppress(failures.ResponseError):  # a hosted Redis may forbid CONFIG
            for name in ("maxmemory-policy", "appendonly", "save"):
                found: Any = await redis.config_get(name)
                settings.update(found)
    version = tuple(int(part) for part in str(info["redis_version"]).split(".")[:2])
    if version < (6, 2):
        warnings.append(f"Redis {info['redis_version']} is too old: 6.2 or later is needed")
    if settings.get("maxmemory-policy", "noeviction") != "noeviction":
        warnings.append(
            f"maxmemory-policy is {settings['maxmemory-policy']}: Redis may throw jobs away when memory is "
            "short; set it to noeviction"
        )
    if settings.get("appendonly", "yes") == "no" and not settings.get("save", "on"):
        warnings.append("persistence is off: a restart of Redis loses every job; set appendonly yes")
    return warnings
