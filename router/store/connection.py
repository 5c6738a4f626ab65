"""Opens Redis connections, checks the server's settings, and translates redis-py's errors once."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis.exceptions as failures
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from ..config.redis_url import read_redis_url
from ..vocabulary.errors import ConfigError, StoreUnavailable
from .pools import Demoted, is_refusal, open_pool

SOCKET_TIMEOUT_SECONDS = 10.0
CONNECT_TIMEOUT_SECONDS = 3.0
NO_CLUSTER = "Redis runs as a cluster, which Pointsman cannot use: it needs one server, or a primary with replicas"
FORBIDDEN_IN_SCRIPT = "ACL failure in script"
CLUSTER_ERRORS = (failures.MovedError, failures.AskError, failures.ClusterCrossSlotError)
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
    except CLUSTER_ERRORS as error:
        raise ConfigError(NO_CLUSTER, field="POINTSMAN_REDIS_URL") from error
    except failures.ResponseError as error:
        if isinstance(error, failures.NoPermissionError) or FORBIDDEN_IN_SCRIPT in str(error):
            why = "Redis forbids its user what Pointsman needs (docs/operations.md lists the rights)"
            raise StoreUnavailable(f"{why}: {error}") from error
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


def readable(reply: Any, *, instead: Any) -> Any:
    """Return what `checked` does, and something else for a key that is damaged."""
    try:
        return checked(reply)
    except LookupError:
        return instead
