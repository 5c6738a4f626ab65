"""Refuses a body that is too large, also one that does not say its size beforehand."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UPLOADS = "/v1/files"
"""The one path whose bodies are files: they go to disk, and have a limit of their own."""
WRAPPING_BYTES = 131_072
"""What a multipart body has beside its file."""


class BodyLimit:
    """ASGI middleware: counts a body while it is read and stops at the limit with status 413."""

    def __init__(self, app: ASGIApp, *, most: int, uploads: int) -> None:
        self._app, self._most, self._uploads = app, most, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a `receive` that counts."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        upload = scope["path"] == UPLOADS
        most = self._uploads + WRAPPING_BYTES if upload else self._most
        setting = "POINTSMAN_FILE_LIMIT_BYTES" if upload else "POINTSMAN_BODY_LIMIT_BYTES"
        too_large = HTTPException(413, f"the body is larger than {most} bytes ({setting})")
        announced = Headers(scope=scope).get("content-length", "")
        # the server has checked that it is a number; what does not exceed it is not worth counting twice
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            if announced.isdigit() and int(announced) > most:
                raise too_large
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise too_large
            return message

        return await self._app(scope, receive_counted, send)
