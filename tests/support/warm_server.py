"""Imports all that the parts of Pointsman need, and forks for each part that is asked for; see warm_start.py."""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT)  # as for `python -m` in the root

IMPORTED = (
    "aiohttp", "celery.bin.celery", "celery.bin.worker", "celery.apps.worker", "pointsman.cli.app",
    "pointsman.local.dispatcher", "pointsman.producer.api.serve", "pointsman.workers.consumer",
    "pointsman.workers.pool", "pointsman.workers.presence", "pointsman.workers.remote_control",
    "pointsman.workers.runtime_step", "pointsman.workers.tasks", "pointsman.workers.webhooks.task",
)  # fmt: skip
"""Not the Celery application itself: it takes its settings from the environment once, and is each worker's own."""

REQUEST_BYTES = 1 << 18


def number(value: int) -> bytes:
    """Return a number as it is sent: always eight characters, since two may be read at once."""
    return b"%8d" % value


class Ended(Exception):
    """Raised when nobody asks any more."""


def main(file: int) -> None:
    """Fork until the tests are through; in each fork run what was asked for."""
    for name in IMPORTED:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a fork would lose the other threads"
    gc.freeze()
    with socket.socket(fileno=file) as asking:
        try:
            request = Forks(asking).until_in_a_fork()
        except Ended:
            return
    sys.argv = request["command"][:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


class Forks:
    """The processes that run, each with the pipe on which its end is told."""

    def __init__(self, asking: socket.socket) -> None:
        self._asking = asking
        self._running: dict[int, int] = {}
        self._wakeup, self._woken = socket.socketpair()
        self._woken.setblocking(False)

    def until_in_a_fork(self) -> dict[str, Any]:
        """Serve requests; returns in each fork, with the request that it is there for."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is meant for the tests
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken.fileno())
        while True:
            readable, _, _ = select.select([self._asking, self._wakeup], [], [])
            if self._wakeup in readable:
                self._wakeup.recv(4096)
                self._tell_ends()
            if self._asking in readable:
                request, (output, errors, status) = self._request()
                if self._fork(status) == 0:
                    os.write(status, self._become(request, output, errors))
                    os.close(status)
                    return request
                os.close(output)
                os.close(errors)

    def _request(self) -> tuple[dict[str, Any], array.array[int]]:
        files = array.array("i")
        data, ancillary, _, _ = self._asking.recvmsg(REQUEST_BYTES, socket.CMSG_SPACE(3 * files.itemsize))
        if not data:
            raise Ended
        files.frombytes(ancillary[0][2])
        return json.loads(data), files

    def _fork(self, status: int) -> int:
        pid = os.fork()
        if pid:
            self._running[pid] = status
        return pid

    def _become(self, request: dict[str, Any], output: int, errors: int) -> bytes:
        """Be in the fork what a command would be that was just started; returns its process id."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        os.dup2(output, 1)
        os.dup2(errors, 2)
        for file in (output, errors, *self._running.values()):
            os.close(file)
        self._wakeup.close()
        self._woken.close()
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        sys.path[1:1] = [folder for folder in request["env"].get("PYTHONPATH", "").split(os.pathsep) if folder]
        return number(os.getpid())

    def _tell_ends(self) -> None:
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            pipe = self._running.pop(pid)
            os.write(pipe, number(os.waitstatus_to_exitcode(status)))
            os.close(pipe)


if __name__ == "__main__":
    main(int(sys.argv[1]))
