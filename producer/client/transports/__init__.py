"""The two ways in: over HTTP to the API, or straight to Redis."""

from __future__ import annotations

from pathlib import Path

from pointsman.router.vocabulary.extras import require

from .protocol import ClientTransport

__all__ = ["ClientTransport", "open_transport"]


def open_transport(
    url: str, *, api_key: str | None, models_file: Path | str | None, key_prefix: str | None
) -> ClientTransport:
    """Return the transport that the URL's scheme names; nothing is sent yet. Raises ConfigError.

    Each transport is imported only when it is used: a caller of the API needs no Redis, one of Redis no HTTP.
    """
    if url.startswith(("redis://", "rediss://", "sentinel://")):
        require("server", what="a client that goes straight to Redis")
        from .redis import open_redis_transport  # noqa: PLC0415 # callers over HTTP need no Redis

        return open_redis_transport(url, models_file=models_file, key_prefix=key_prefix)
    from .http import HttpTransport  # noqa: PLC0415 # callers of Redis need no HTTP

    return HttpTransport(url, api_key=api_key)
