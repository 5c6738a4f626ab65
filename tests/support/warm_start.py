"""Starts the parts of Pointsman without importing everything anew each time: a fork of a process that has it.

Of what a live test costs, most was the imports of its workers, its dispatcher and its API. A part that starts from
here runs the same command in a process of its own, with its own environment, folder, output and session.
"""

from __future__ import annotations

import array
import atexit
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

SERVER = Path(__file__).with_name("warm_server.py")
START_SECONDS = 60.0


class WarmProcess:
    """A started part; its methods and fields are those of subprocess.Popen that tests use."""

    def __init__(self, command: Sequence[str], status: int) -> None:
        self.args = command
        self._status = status
        self.returncode: int | None = None
        self.pid = self._number(START_SECONDS)

    def poll(self) -> int | None:
        """Return how it ended, or None while it runs."""
        if self.returncode is None and self._is_readable(0):
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self.returncode = self._number(timeout)
            os.close(self._status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to stop."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def _is_readable(self, timeout: float | None) -> bool:
        return bool(select.select([self._status], [], [], timeout)[0])

    def _number(self, timeout: float | None) -> int:
        """Read what the server says of the process: first its id, at last its return code."""
        if not self._is_readable(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        number = os.read(self._status, 8)
        if not number:
            raise RuntimeError(f"the process that starts the parts has ended; it was asked for: {self.args}")
        return int(number)


Process = subprocess.Popen[bytes] | WarmProcess


def start_warm(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdout: IO[bytes], stderr: IO[bytes] | None = None
) -> Process:
    """Start `python -m ...` in a session of its own; what needs a fresh interpreter starts as a command does."""
    if tuple(command[:2]) != (sys.executable, "-m") or "LD_PRELOAD" in env or sys.platform != "linux":
        return subprocess.Popen(
            command, cwd=cwd, env=env, stdout=stdout, stderr=stderr or subprocess.STDOUT, start_new_session=True
        )
    return _server().start(command, cwd=cwd, env=env, files=(stdout, stderr or stdout))


class _Server:
    """The process that forks."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._one_at_a_time = threading.Lock()
        with theirs:
            command = [sys.executable, SERVER, str(theirs.fileno())]
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
        atexit.register(self.close)

    def start(
        self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], files: Sequence[IO[bytes]]
    ) -> WarmProcess:
        request = json.dumps({"command": list(command[2:]), "cwd": str(cwd), "env": dict(env)}).encode()
        reading, writing = os.pipe()
        try:
            with self._one_at_a_time:
                numbers = array.array("i", [*(file.fileno() for file in files), writing])
                self._socket.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])
        finally:
            os.close(writing)
        return WarmProcess(command, reading)

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


@functools.cache
def _server() -> _Server:
    return _Server()
