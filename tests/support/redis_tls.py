"""A Redis behind TLS, with a certificate made for the test: TLS ends in front of it, so any server will do."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.redis_server import missing, running_redis

SELF_SIGNED = (
    "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 "
    "-keyout key.pem -out cert.pem"
)


@contextmanager
def running_tls_redis(folder: Path) -> Iterator[str]:
    """Run it inside the block and yield its URL; skips where there is no `openssl` command."""
    if shutil.which("openssl") is None:
        missing("the openssl command is not installed")
    subprocess.run(SELF_SIGNED.split(), cwd=folder, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    with running_redis(folder) as server, _tls_in_front_of(server.port, context) as port:
        yield f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={folder / 'cert.pem'}"


@contextmanager
def _tls_in_front_of(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """Listen for TLS in a thread of its own, pass the bytes on to `port`, and yield the port it listens on."""

    async def connected(reader: StreamReader, writer: StreamWriter) -> None:
        behind, ahead = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pass_on(reader, ahead), _pass_on(behind, writer))

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(connected, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _pass_on(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _end() -> None:
    """End the connections that are still open."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
