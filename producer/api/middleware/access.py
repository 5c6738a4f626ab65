"""Lets in only who has an API key, before anything of the request's body is read."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pointsman.router.vocabulary.job import NAME_PATTERN

from ..failures import refusal

OPEN = frozenset({"/healthz", "/readyz", "/docs", "/docs/oauth2-redirect", "/openapi.json"})
"""Paths that need no key: they tell nothing of any job."""

PAGES = "/static-offline-docs/"
"""Where the scripts and styles of /docs are served from."""


@dataclass(frozen=True)
class Key:
    """One API key; `tenant` is None where it is good for all tenants."""

    secret: bytes
    tenant: str | None


def read_keys(entries: Iterable[str]) -> tuple[Key, ...]:
    """Return the keys of the setting: each entry is `key`, or `tenant:key`."""
    return tuple(map(_read_key, entries))


def _read_key(entry: str) -> Key:
    tenant, colon, secret = entry.partition(":")
    if colon and secret and re.fullmatch(NAME_PATTERN, tenant):
        return Key(secret.encode(), tenant)
    return Key(entry.encode(), None)


class KeyGate:
    """ASGI middleware: answers 401 without a known key, else notes the key's tenant in the request's state."""

    def __init__(self, app: ASGIApp, *, keys: tuple[Key, ...]) -> None:
        self._app, self._keys = app, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or refuse it."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        found = self._find(given_key(Headers(scope=scope)))
        scope["state"]["tenant"] = found.tenant if found else None
        if found or not self._keys or scope["path"] in OPEN or scope["path"].startswith(PAGES):
            return await self._app(scope, receive, send)
        refused = refusal(
            scope, 401, "unauthorized", "send an API key: 'Authorization: Bearer <key>' or 'x-api-key: <key>'"
        )
        return await refused(scope, receive, send)

    def _find(self, given: str) -> Key | None:
        found = None
        for key in self._keys:  # all of them, so that the time taken tells nothing
            if hmac.compare_digest(key.secret, given.encode()):
                found = key
        return found


def given_key(headers: Headers) -> str:
    """Return the key that came with a request, or an empty string."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
