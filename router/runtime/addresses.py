"""Addresses that parts listen on, of either version of IP."""

from __future__ import annotations

import socket
from typing import Any

EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # what they are called, not a bind
"""Where a part that listens on every address is reached from its own host."""


def find_address(host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    """Return family and address to listen on; IPv4 where a name has both. Raises OSError for an unknown name."""
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, address


def url_of(host: str, port: int) -> str:
    """Return the http:// URL by which this host reaches a part of its own that listens on `host`."""
    bare = host.strip("[]")
    bare = EVERYWHERE.get(bare, bare)
    return f"http://[{bare}]:{port}" if ":" in bare else f"http://{bare}:{port}"
