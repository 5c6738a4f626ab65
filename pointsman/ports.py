"""Free ports on loopback."""

from __future__ import annotations

import socket

from router.errors import ConfigError


def free_port() -> int:
    """Return a port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def check_free(host: str, port: int, *, what: str, setting: str) -> None:
    """Raise ConfigError naming the setting to change when something listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"{what} can not listen on {host}:{port} ({error.strerror}); is another one running? "
                "Choose another port here",
                field=setting,
            ) from error
