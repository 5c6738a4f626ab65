"""Kombu's Redis transport without its own redelivery, which would bring messages back a second time."""

from __future__ import annotations

from kombu.transport import redis


class Channel(redis.Channel):  # type: ignore[misc] # kombu has no types
    """A channel that forgets unacknowledged messages when it closes: release and reap bring the jobs back."""

    do_restore = False


class Transport(redis.Transport):  # type: ignore[misc] # kombu has no types
    """The Redis transport over that channel."""

    Channel = Channel
