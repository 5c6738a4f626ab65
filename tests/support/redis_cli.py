"""A redis-cli for machines that have none: the one command that the health check of compose uses."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

PING = """
import os, sys
import redis

assert sys.argv[1] == "-p" and sys.argv[3:] == ["ping"], sys.argv
client = redis.Redis(port=int(sys.argv[2]), password=os.environ.get("REDISCLI_AUTH"))
try:
    print("PONG" if client.ping() else "")
except redis.ResponseError as error:
    print(error)
"""


def write_redis_cli(folder: Path) -> None:
    """Write it into a folder that is on PATH, unless the machine has a real one."""
    if shutil.which("redis-cli") is not None:
        return
    tool = folder / "redis-cli"
    tool.write_text(f"#!{sys.executable}\n{PING}", encoding="utf-8")
    tool.chmod(0o755)
