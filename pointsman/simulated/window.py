"""The vendor's limit of requests per minute, as a sliding window."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class WindowLeft(NamedTuple):
    """How many of `limit` requests are left, and in how many seconds the whole window is free again."""

    limit: int
    remaining: int
    reset_seconds: float


class RequestWindow:
    """The moments of the requests that were let in during the last minute; `seconds` is how long that is."""

    def __init__(self) -> None:
        self._moments: deque[float] = deque()

    def take(self, limit: int | None, *, now: float, seconds: float = 60.0) -> float:
        """Let a request in and return 0, or return the seconds until one more fits."""
        if limit is None:
            return 0.0
        self._forget(now - seconds)
        if len(self._moments) < limit:
            self._moments.append(now)
            return 0.0
        return self._moments[-limit] + seconds - now

    def left(self, limit: int, *, now: float, seconds: float = 60.0) -> WindowLeft:
        """Return what is left at this moment."""
        self._forget(now - seconds)
        reset = self._moments[-1] + seconds - now if self._moments else 0.0
        return WindowLeft(limit, max(0, limit - len(self._moments)), reset)

    def _forget(self, before: float) -> None:
        while self._moments and self._moments[0] <= before:
            self._moments.popleft()
