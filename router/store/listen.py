"""Listens to fixed channels of Redis; `subscriptions` is for channels that come and go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from redis.asyncio import Redis

from .connection import translated

READ_SECONDS = 30.0
"""How long one read waits; redis-py checks the connection's health between two of them."""

OnMessage = Callable[[str, str], None]
"""Takes a channel and what was published there, at once; it must not block."""


async def listen(
    redis: Redis, channels: Sequence[str], on_message: OnMessage, *, on_subscribed: Callable[[], Awaitable[None]]
) -> None:
    """Call `on_message` with every message until cancelled; raises StoreUnavailable.

    `on_subscribed` is called once, after the subscription: it looks at what happened before.
    """
    pubsub = redis.pubsub(ignore_subscribe_messages=True)
    try:
        with translated():
            await pubsub.subscribe(*channels)
            await on_subscribed()
            while True:
                if message := await pubsub.get_message(timeout=READ_SECONDS):
                    on_message(message["channel"], message["data"])
    finally:
        await pubsub.aclose()  # type: ignore[no-untyped-call] # redis-py has no types here
