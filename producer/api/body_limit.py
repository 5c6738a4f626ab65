"""Refuses a body that is too large, also one that does not say its size beforehand."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware: counts a body while it is read and stops at the limit with status 413."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a `receive` that counts."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        announced = Headers(scope=scope).get("content-length", "")
        # the server has checked that it is a number; what does not exceed it is not worth counting twice
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            if announced.isdigit() and int(announced) > self._most:
                raise self._too_large()
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise self._too_large()
            return message

        return await self._app(scope, receive_counted, send)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"the body is larger than {self._most} bytes (POINTSMAN_BODY_LIMIT_BYTES)")
