"""The vendor's limit of requests per minute, as a sliding window."""

from __future__ import annotations

from collections import deque

MINUTE_SECONDS = 60.0


class RequestWindow:
    """The moments of the requests that were let in during the last minute."""

    def __init__(self) -> None:
        self._moments: deque[float] = deque()

    def take(self, limit: int | None, *, now: float) -> float:
        """Let a request in and return 0, or return the seconds until one more fits."""
        if limit is None:
            return 0.0
        while self._moments and self._moments[0] <= now - MINUTE_SECONDS:
            self._moments.popleft()
        if len(self._moments) < limit:
            self._moments.append(now)
            return 0.0
        return self._moments[-limit] + MINUTE_SECONDS - now
