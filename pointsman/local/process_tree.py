"""Runs child processes and makes sure that none outlives us: not after Ctrl-C, and not after a kill -9."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger("pointsman.local.up")

PR_SET_PDEATHSIG = 1  # prctl(2): the signal this process gets when its parent dies; Linux only
FIRST_RESTART_SECONDS = 0.5
LONGEST_RESTART_SECONDS = 10.0


@dataclass(frozen=True)
class ProcessSpec:
    """One child: its name, its command, what it adds to the environment, and whether it is started again.

    `grace_seconds` is how long it may take to stop before it is killed. The others need a part that `serves` them,
    so it is stopped after them.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    restart: bool = True
    grace_seconds: float = 10.0
    serves: bool = False
    reloads: bool = False
    """Whether it takes its configuration anew at SIGHUP, which would end another."""


class ProcessTree:
    """Starts parts, restarts those that die, and stops them."""

    def __init__(self, log_folder: Path | None) -> None:
        self._log_folder = log_folder
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._parts: list[ProcessSpec] = []
        self._watchers: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self, part: ProcessSpec) -> None:
        """Start a part and watch it."""
        self._parts.append(part)
        await self._spawn(part)
        self._watchers.append(asyncio.create_task(self._watch(part), name=f"watch {part.name}"))

    def pid(self, name: str) -> int:
        """Return the process id of a running part."""
        return self._children[name].pid

    def alive(self, name: str) -> bool:
        """Whether a part runs at this moment."""
        child = self._children.get(name)
        return child is not None and child.returncode is None

    async def _spawn(self, part: ProcessSpec) -> None:
        output = self._output(part)
        try:
            self._children[part.name] = await asyncio.create_subprocess_exec(
                *part.command,
                env={**os.environ, **part.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # a Ctrl-C in the terminal reaches us alone, and we stop them in order
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        finally:
            if output is not None:
                os.close(output)

    def _output(self, part: ProcessSpec) -> int | None:
        if self._log_folder is None:
            return None
        path = self._log_folder / f"{part.name}.log"
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def _watch(self, part: ProcessSpec) -> None:
        wait_seconds, began = FIRST_RESTART_SECONDS, time.monotonic()
        while True:
            status = await self._children[part.name].wait()
            if time.monotonic() - began > LONGEST_RESTART_SECONDS:
                wait_seconds = FIRST_RESTART_SECONDS  # it had run well for a while
            if self._stopping or not part.restart:
                return
            log.warning("%s ended with status %s; starting it again in %.1f s", part.name, status, wait_seconds)
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, LONGEST_RESTART_SECONDS)
            began = time.monotonic()
            await self._spawn(part)

    def hang_up(self) -> None:
        """Send SIGHUP to every part that takes its configuration anew then."""
        for part in self._parts:
            if part.reloads and self.alive(part.name):
                self._children[part.name].send_signal(signal.SIGHUP)

    async def stop(self) -> None:
        """Stop every part, those that serve the others last; what does not stop in time is killed."""
        self._stopping = True
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for serving in (False, True):
            await asyncio.gather(*(self._stop_one(part) for part in self._parts if part.serves is serving))

    async def _stop_one(self, part: ProcessSpec) -> None:
        child = self._children.get(part.name)
        if child is None or child.returncode is not None:
            return
        child.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(child.wait(), part.grace_seconds)
        except TimeoutError:
            log.warning("%s did not stop within %.0f s and was killed", part.name, part.grace_seconds)
            os.killpg(child.pid, signal.SIGKILL)
            await child.wait()


def _die_with_parent() -> None:
    """Ask Linux to kill this child when its parent dies, however that comes about."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
