"""Kombu's Redis transports without their own redelivery, which would bring messages back a second time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from kombu.transport import redis, virtual
from redis import Connection, SSLConnection
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError, ResponseError
from redis.sentinel import SentinelConnectionPool

from ..store.pools import is_refusal

DENSE_SECONDS = 0.05
"""Below this between two messages there may be more behind them."""
MORE_AT_ONCE = 100
WATCH_SECONDS = 2.0
"""Longer than on the asyncio side, since the worker's hub stands still while it asks."""


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


class BrokerConnection(BreaksOnRefusal, Connection):
    """To the server that the URL names."""


class BrokerTlsConnection(BreaksOnRefusal, SSLConnection):
    """To the server that the URL names, over TLS."""


class BrokerSentinelConnection(BreaksOnRefusal, Connection):
    """To the server that the sentinels name, which are asked before every connect, and now and then after it.

    A primary that is replaced while it lives keeps its connections for ten seconds more, and gets no more jobs.
    """

    def __init__(self, *, connection_pool: SentinelConnectionPool, **options: Any) -> None:
        self._pool = connection_pool
        self._look_at = 0.0
        super().__init__(**options)  # type: ignore[no-untyped-call] # redis-py has no types here

    def _connect(self) -> Any:
        self.host, self.port = self._pool.get_master_address()  # type: ignore[no-untyped-call] # redis-py has no types here
        self._look_at = time.monotonic() + WATCH_SECONDS
        return super()._connect()  # type: ignore[no-untyped-call] # redis-py has no types here

    def send_packed_command(self, *arguments: Any, **options: Any) -> None:
        """Send, unless another server has become the primary."""
        if self._sock is not None and time.monotonic() >= self._look_at:
            self._look()
        super().send_packed_command(*arguments, **options)  # type: ignore[no-untyped-call] # redis-py has no types here

    def _look(self) -> None:
        self._look_at = time.monotonic() + WATCH_SECONDS
        try:
            found = self._pool.get_master_address()  # type: ignore[no-untyped-call] # redis-py has no types here
        except RedisError:  # as long as no sentinel answers, nothing has changed
            return
        if found != (self.host, self.port):
            self.disconnect()  # type: ignore[no-untyped-call] # redis-py has no types here
            raise NotConnected("another server has become the primary")


class BrokerSentinelTlsConnection(BrokerSentinelConnection, SSLConnection):
    """To the server that the sentinels name, over TLS."""


class QoS(virtual.QoS):  # type: ignore[misc] # kombu has no types
    """Bounds what a channel has in hand; messages of a lost connection whose tasks still run are in hand too."""

    in_flight_elsewhere: Callable[[], int] = staticmethod(lambda: 0)

    def can_consume(self) -> bool:
        """Whether one more message may be taken."""
        return not self.prefetch_count or bool(self.can_consume_max_estimate())

    def can_consume_max_estimate(self) -> int | None:
        """Return how many more messages may be taken; None is any number."""
        room: int | None = super().can_consume_max_estimate()
        return max(room - self.in_flight_elsewhere(), 0) if room else room


class TakesMany:
    """Mixed into a channel: where messages come close together, takes those that wait in one round trip.

    What is lost with the process in between goes back to its lane at its release deadline, as with every message.
    """

    priority_steps = (0,)  # the dispatcher puts jobs in order: a model has one list
    _read_at = 0.0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.QoS = QoS  # after kombu, which sets its own where acknowledgements are off

    def _brpop_read(self, **options: Any) -> Any:
        found = super()._brpop_read(**options)  # type: ignore[misc] # mixed into a channel
        before, self._read_at = self._read_at, time.monotonic()
        if self._read_at - before < DENSE_SECONDS:
            self._take_more(self._queue_cycle.items[-1])  # type: ignore[attr-defined] # where the last one came from
        return found

    def _take_more(self, queue: str) -> None:
        channel: Any = self
        room = min(channel.qos.can_consume_max_estimate() or 0, MORE_AT_ONCE)
        messages = channel.client.rpop(queue, room) if room > 0 else None
        for message in messages or ():
            channel.connection._deliver(json.loads(message), queue)


class Channel(TakesMany, redis.Channel):  # type: ignore[misc] # kombu has no types
    """A channel that forgets unacknowledged messages when it closes: release and reap bring the jobs back."""

    do_restore = False
    connection_class = BrokerConnection
    connection_class_ssl = BrokerTlsConnection


class Transport(redis.Transport):  # type: ignore[misc] # kombu has no types
    """The Redis transport over that channel."""

    Channel = Channel


class SentinelChannel(TakesMany, redis.SentinelChannel):  # type: ignore[misc] # kombu has no types
    """The same channel behind sentinels."""

    do_restore = False
    connection_class = BrokerSentinelConnection
    connection_class_ssl = BrokerSentinelTlsConnection


class SentinelTransport(redis.SentinelTransport):  # type: ignore[misc] # kombu has no types
    """The sentinel transport over that channel."""

    Channel = SentinelChannel
