"""Gives every request an id, and every reply the header that carries it."""

from __future__ import annotations

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-request-id"
ANTHROPICS = "request-id"
"""Where Anthropic's clients look for it."""
SANE = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
"""An id from outside goes into logs and replies: nothing that could forge a line of either."""


class RequestId:
    """ASGI middleware: takes the caller's id when it is sane, else makes one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the id in the request's state and put it on the reply."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if SANE.fullmatch(given) else secrets.token_hex(16)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[HEADER] = headers[ANTHROPICS] = request_id
            await send(message)

        return await self._app(scope, receive, send_with_id)
