"""Runs the API on its address."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.classify import check_classifier
from pointsman.router.runtime.addresses import find_address
from pointsman.router.runtime.hangup import hangup_handler
from pointsman.router.store import check_before_start
from pointsman.router.vocabulary.errors import ConfigError

from .app import create_app

log = logging.getLogger("pointsman.api")

KEEP_ALIVE_SECONDS = 75
"""Longer than clients keep an idle connection, so that none of them sends into one that we just closed."""
GRACE_SECONDS = 10
BACKLOG = 2048


def check_exposure(settings: Settings) -> None:
    """Raise ConfigError where the API would listen for others than this machine without asking for keys."""
    if settings.api_keys or _is_loopback(settings.api_host):
        return
    raise ConfigError(
        f"the API would listen on {settings.api_host} without keys: set a comma-separated list of keys here "
        "(each one 'key' or 'tenant:key'), or leave POINTSMAN_API_HOST at 127.0.0.1",
        field="POINTSMAN_API_KEYS",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


async def serve(settings: Settings, catalog: Catalog) -> None:
    """Serve until a signal or a cancellation, then let calls in flight finish; raises ConfigError."""
    check_exposure(settings)
    check_classifier(catalog)
    await check_before_start(settings)
    with listen(settings) as listener:
        server = _server(settings, catalog)
        with _without_sigterm_at_the_end():
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            _reload_on_hangup(server)
            try:
                await asyncio.shield(serving)
            except asyncio.CancelledError:
                server.should_exit = True
                await serving
                raise


@contextmanager
def _without_sigterm_at_the_end() -> Iterator[None]:
    """Let nobody handle the SIGTERM that uvicorn sends again when it has ended by one: all is done by then."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _reload_on_hangup(server: _Server) -> None:
    state, reloading = server.config.app.state, set[asyncio.Task[None]]()  # type: ignore[union-attr] # our FastAPI app

    def reload() -> None:
        if hasattr(state, "reloads"):  # else it has not read the file yet
            reloading.add(task := asyncio.create_task(state.reloads.reload()))
            task.add_done_callback(reloading.discard)

    def end() -> None:
        server.should_exit = True

    if threading.current_thread() is threading.main_thread() and sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hangup_handler(reload, end))


def listen(settings: Settings) -> socket.socket:
    """Return the listening socket; raises ConfigError where the address cannot be had."""
    host, port = settings.api_host.strip("[]"), settings.api_port
    try:
        listener = _bound(host, port)
    except OSError as error:
        raise ConfigError(
            f"the API cannot listen on {host}:{port} ({error.strerror}): is another one running? "
            "Choose another address here",
            field="POINTSMAN_API_HOST" if isinstance(error, socket.gaierror) else "POINTSMAN_API_PORT",
        ) from error
    shown = f"[{host}]" if ":" in host else host
    log.info("the API listens on http://%s:%d", shown, listener.getsockname()[1])
    return listener


def _bound(host: str, port: int) -> socket.socket:
    family, address = find_address(host, port)
    # asyncio turns Nagle's algorithm off only where the protocol is named: without it each reply takes 40 ms
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _server(settings: Settings, catalog: Catalog) -> _Server:
    return _Server(
        uvicorn.Config(
            create_app(settings, catalog),
            log_config=None,
            access_log=False,
            lifespan="on",
            ws="none",
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )


class _Server(uvicorn.Server):
    """A server whose long polls answer at once when it ends, so that they do not hold it up."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell the long polls, then end as uvicorn does."""
        self.config.app.state.backend.stopping.set()  # type: ignore[union-attr] # it is the FastAPI app of above
        await super().shutdown(sockets)
