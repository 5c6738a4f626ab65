"""The processes of one run, each with a log of its own; everything that was started is ended, by pid."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import redis

from pointsman.local.embedded_redis import redis_server_command
from pointsman.local.ports import free_port

ROOT = Path(__file__).parents[1]
START_SECONDS = 60.0

Found = TypeVar("Found")


class Processes:
    """Starts processes in one folder; each leads a process group, so that its children die with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._logs: dict[int, Path] = {}
        self._names: dict[int, str] = {}
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(
        self, command: Sequence[str], *, name: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a process; `environment` is laid over ours."""
        log = self.folder / f"{name}-{len(self._processes)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **(environment or {})},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes.append(process)
        self._logs[process.pid], self._names[process.pid] = log, name
        return process

    def pids(self, name: str) -> list[int]:
        """Return the running processes that were started under a name."""
        return [at.pid for at in self._processes if self._names[at.pid] == name and at.poll() is None]

    def log(self, process: subprocess.Popen[bytes]) -> str:
        """Return what a process has written."""
        return self._logs[process.pid].read_text(errors="replace")

    def until(self, process: subprocess.Popen[bytes], check: Callable[[], Found]) -> Found:
        """Return what `check` returns once it is true; raises RuntimeError when the process ends or is too slow."""
        end = time.monotonic() + START_SECONDS
        while True:
            found = check()
            if found:
                return found
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self._logs[process.pid]} is not ready:\n{self.log(process)[-2000:]}")
            time.sleep(0.05)

    def close(self) -> None:
        """Kill what still runs; the last started first, so that no worker outlives its Redis."""
        for process in reversed(self._processes):
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children at once, as the death of their machine would."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def running(folder: Path) -> Iterator[Processes]:
    """Yield the processes of one run, and kill them afterwards, also when this process is told to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder.mkdir(parents=True, exist_ok=True)
    processes = Processes(folder)
    try:
        yield processes
    finally:
        processes.close()


def start_redis(processes: Processes) -> str:
    """Start an empty Redis that writes to disk every second, and return its URL."""
    port = free_port()
    data = Path(tempfile.mkdtemp(prefix="redis-", dir=processes.folder))
    server = processes.start(redis_server_command(data, port), name="redis")

    def answers() -> bool:
        with redis.Redis(port=port) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

    processes.until(server, answers)
    return f"redis://127.0.0.1:{port}/0"


def start_llm(processes: Processes, latency: float, *faults: str) -> str:
    """Start the LLM server, with its options for faults, and return its base URL, without /v1."""
    command = [sys.executable, "-m", "benchmarks.llm_server", "--latency", str(latency), *faults]
    server = processes.start(command, name="llm")
    return processes.until(server, lambda: processes.log(server).partition("\n")[0])
