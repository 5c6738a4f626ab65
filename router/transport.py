"""Kombu's Redis transports without their own redelivery, which would bring messages back a second time."""

from __future__ import annotations

from typing import Any

from kombu.transport import redis
from redis import Connection, SSLConnection
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import ResponseError
from redis.sentinel import SentinelConnectionPool

from .refusals import is_refusal


class BreaksOnRefusal:
    """Mixed into a connection: Celery waits and connects again after a lost connection, but dies of a refusal.

    What refuses may also be a replica that was the primary until now; the next connect asks who is.
    """

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Read an answer; a refusal closes the connection."""
        try:
            return super().read_response(*args, **options)  # type: ignore[misc] # mixed into a connection
        except ResponseError as error:
            if not is_refusal(error):
                raise
            self.disconnect()  # type: ignore[attr-defined] # mixed into a connection
            raise NotConnected(f"Redis refuses to write: {error}") from error


class Direct(BreaksOnRefusal, Connection):
    """To the server that the URL names."""


class DirectTls(BreaksOnRefusal, SSLConnection):
    """To the server that the URL names, over TLS."""


class BySentinel(BreaksOnRefusal, Connection):
    """To the server that the sentinels name, which are asked before every connect."""

    def __init__(self, *, connection_pool: SentinelConnectionPool, **options: Any) -> None:
        self._pool = connection_pool
        super().__init__(**options)  # type: ignore[no-untyped-call] # redis-py has no types here

    def _connect(self) -> Any:
        self.host, self.port = self._pool.get_master_address()  # type: ignore[no-untyped-call]
        return super()._connect()  # type: ignore[no-untyped-call]


class BySentinelTls(BySentinel, SSLConnection):
    """To the server that the sentinels name, over TLS."""


class Channel(redis.Channel):  # type: ignore[misc] # kombu has no types
    """A channel that forgets unacknowledged messages when it closes: release and reap bring the jobs back."""

    do_restore = False
    connection_class = Direct
    connection_class_ssl = DirectTls


class Transport(redis.Transport):  # type: ignore[misc] # kombu has no types
    """The Redis transport over that channel."""

    Channel = Channel


class SentinelChannel(redis.SentinelChannel):  # type: ignore[misc] # kombu has no types
    """The same channel behind sentinels."""

    do_restore = False
    connection_class = BySentinel
    connection_class_ssl = BySentinelTls


class SentinelTransport(redis.SentinelTransport):  # type: ignore[misc] # kombu has no types
    """The sentinel transport over that channel."""

    Channel = SentinelChannel
