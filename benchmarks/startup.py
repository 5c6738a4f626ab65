"""Measures how much later a worker of ours is ready than a bare Celery worker with the same pool.

    python -m benchmarks.startup [--rounds 10]

In each round every command is started once, on the same Redis, until its log says that it is ready. CPU seconds are
those of the process until then; on an idle machine they are the wall seconds too, and they are what is judged. The
bare worker runs without mingle and gossip, as ours always does: mingle alone waits a second. The command `celery`
imports Flower where it is installed, `pointsman work` does not. Writes benchmarks/results/startup.json.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import redis

from pointsman.local.embedded_redis import redis_server_command
from pointsman.local.ports import free_port

from .report import table, write

ROOT = Path(__file__).parents[1]
TARGET_SECONDS = 0.7
READY = b" ready."
CELERY = (sys.executable, "-m", "celery")
BARE = "bare Celery"
COMMANDS: Mapping[str, Sequence[str]] = {
    BARE: (*CELERY, "-A", "benchmarks.baselines.celery_bare", "worker", "-Q", "bare", "-n", "bare@%h", "-l", "INFO",
           "--without-mingle", "--without-gossip"),
    "celery -A pointsman": (*CELERY, "-A", "pointsman", "worker", "-Q", "llm.gpt-4", "-n", "ours@%h",
                              "-l", "INFO"),
    "pointsman work": (sys.executable, "-m", "pointsman", "work", "--model", "gpt-4"),
}  # fmt: skip


@dataclass(frozen=True)
class Start:
    """What one start took until the worker was ready."""

    cpu_seconds: float
    wall_seconds: float


def main() -> int:
    """Print medians, and the difference to the bare worker; return 1 where the target is missed."""
    rounds = _rounds()
    starts: dict[str, list[Start]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory(prefix="pointsman-startup-") as folder:
        port = free_port()
        server = subprocess.Popen(redis_server_command(Path(folder), port), stdout=subprocess.DEVNULL)
        try:
            environment = _environment(port)
            for at in range(rounds + 1):
                for name, command in COMMANDS.items():
                    start = _start(command, environment)
                    if at:  # the first round fills the page cache
                        starts[name].append(start)
        finally:
            server.terminate()
            server.wait()
    return _report(starts, rounds)


def _rounds() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    found: int = parser.parse_args().rounds
    return found


def _environment(port: int) -> dict[str, str]:
    url = f"redis://127.0.0.1:{port}/0"
    client = redis.Redis.from_url(url)
    until = time.monotonic() + 15
    while True:
        try:
            client.ping()
            break
        except redis.ConnectionError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
    client.close()
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    ours = {"POINTSMAN_REDIS_URL": url, "POINTSMAN_MODELS_FILE": str(ROOT / "models.yaml")}
    return os.environ | ours | {"OPENAI_API_KEY": "none", "PYTHONPATH": path}


def _start(command: Sequence[str], environment: Mapping[str, str]) -> Start:
    began = time.monotonic()
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    try:
        output = []
        for line in process.stdout:
            output.append(line)
            if READY in line:
                return Start(_cpu_seconds(process.pid), time.monotonic() - began)
        raise RuntimeError(f"{command[:6]} ended before it was ready:\n" + b"".join(output).decode())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _cpu_seconds(pid: int) -> float:
    """Return user and system time of a running process, after proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _report(starts: Mapping[str, Sequence[Start]], rounds: int) -> int:
    cpu = {name: median(start.cpu_seconds for start in found) for name, found in starts.items()}
    wall = {name: median(start.wall_seconds for start in found) for name, found in starts.items()}
    rows = [
        {
            "command": name,
            "cpu_s": round(cpu[name], 2),
            "wall_s": round(wall[name], 2),
            "cpu_more_s": round(cpu[name] - cpu[BARE], 2),
            "wall_more_s": round(wall[name] - wall[BARE], 2),
        }
        for name in starts
    ]
    sys.stdout.write(table(rows) + "\n")
    write("startup", options={"rounds": rounds}, rows=rows)
    return int(any(row["cpu_more_s"] > TARGET_SECONDS for row in rows))


if __name__ == "__main__":
    sys.exit(main())
