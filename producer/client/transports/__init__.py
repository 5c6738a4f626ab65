"""The two ways in: over HTTP to the API, or straight to Redis."""

from __future__ import annotations

from pathlib import Path

from .protocol import Door

__all__ = ["Door", "open_door"]


def open_door(url: str, *, api_key: str | None, models_file: Path | str | None, key_prefix: str | None) -> Door:
    """Return the door that the URL's scheme names; nothing is sent yet.

    Each door is imported only when it is used: a caller of the API needs no Redis, one of Redis no HTTP.
    """
    if url.startswith(("redis://", "rediss://", "sentinel://")):
        from .redis import open_redis_door  # noqa: PLC0415 # callers over HTTP need no Redis

        return open_redis_door(url, models_file=models_file, key_prefix=key_prefix)
    from .http import HttpDoor  # noqa: PLC0415 # callers of Redis need no HTTP

    return HttpDoor(url, api_key=api_key)
