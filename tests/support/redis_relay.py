"""A way to a real Redis that a test can cut and join again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class RedisRelay:
    """Passes bytes on between its own port and a server; while it is `away`, connections end at once."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._open: set[asyncio.StreamWriter] = set()
        self._away = False
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[RedisRelay]:
        """Serve until the end of the block."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.url = self._to._replace(netloc=f"127.0.0.1:{port}").geturl()
        try:
            yield self
        finally:
            server.close()
            self.go_away()

    def go_away(self) -> None:
        """Cut every connection, and refuse new ones."""
        self._away = True
        for writer in self._open:
            writer.close()

    def come_back(self) -> None:
        """Let connections through again."""
        self._away = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._away:
            writer.close()
            return
        there, back = await asyncio.open_connection(self._to.hostname, self._to.port)
        self._open |= {writer, back}
        await asyncio.gather(_pass(reader, back), _pass(there, writer))
        self._open -= {writer, back}


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
    except OSError:  # it was cut
        pass
    finally:
        writer.close()
