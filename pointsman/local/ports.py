"""Free ports on loopback."""

from __future__ import annotations

import socket

from pointsman.router.runtime.addresses import find_address
from pointsman.router.vocabulary.errors import ConfigError


def free_port() -> int:
    """Return a port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(host: str, port: int) -> bool:
    """Whether nothing listens on the port."""
    try:
        family, address = find_address(host, port)
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError:
        return False
    return True


def check_free(host: str, port: int, *, what: str, setting: str) -> None:
    """Raise ConfigError naming the setting to change when something listens on the port already."""
    if not is_free(host, port):
        raise ConfigError(
            f"{what} cannot listen on {host}:{port}: the port is taken, or the address is not this machine's. "
            "Is another one running? Choose another port here",
            field=setting,
        )
