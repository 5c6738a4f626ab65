"""Measures what processes use: CPU seconds and memory, by role, children included."""

from __future__ import annotations

from collections.abc import Iterator

import psutil

from .processes import Processes


class Meter:
    """Reads the processes of one run; a role is the name under which they were started."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes

    def cpu_seconds(self, role: str) -> float:
        """Return the CPU time that a role has used so far."""
        times = [process.cpu_times() for process in self._tree(role)]
        return sum(time.user + time.system for time in times)

    def megabytes(self, role: str) -> float:
        """Return the resident memory of a role."""
        return sum(process.memory_info().rss for process in self._tree(role)) / 1e6

    def _tree(self, role: str) -> Iterator[psutil.Process]:
        for pid in self._processes.pids(role):
            leader = psutil.Process(pid)
            yield leader
            yield from leader.children(recursive=True)
