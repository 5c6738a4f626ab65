"""Counts what the simulated server was asked, so that tests can prove what was called how often."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

MINUTE_SECONDS = 60.0


@dataclass
class Counts:
    """Counts of one model."""

    requests: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    moments: deque[float] = field(default_factory=deque)


class Ledger:
    """Counts per model, and how often each prompt was called."""

    def __init__(self) -> None:
        self._models: dict[str, Counts] = defaultdict(Counts)
        self._calls: Counter[str] = Counter()

    def begin(self, upstream: str, prompt: str) -> int:
        """Count a request; returns the number of this call of this prompt, from 1."""
        counts = self._models[upstream]
        counts.requests += 1
        counts.in_flight += 1
        counts.most_in_flight = max(counts.most_in_flight, counts.in_flight)
        counts.moments.append(time.monotonic())
        name = prompt_hash(prompt)
        self._calls[name] += 1
        return self._calls[name]

    def end(self, upstream: str) -> None:
        """Count a request as answered."""
        self._models[upstream].in_flight -= 1

    def count_error(self, upstream: str, kind: str) -> None:
        """Count an error that was served on purpose."""
        self._models[upstream].errors[kind] += 1

    def over_rate(self, upstream: str, per_minute: int | None) -> bool:
        """Whether the last 60 s had more requests than allowed, this one included."""
        moments = self._models[upstream].moments
        while moments and moments[0] < time.monotonic() - MINUTE_SECONDS:
            moments.popleft()
        return per_minute is not None and len(moments) > per_minute

    def report(self) -> dict[str, Any]:
        """Return all counts as JSON-ready data."""
        models = {
            name: {
                "requests": counts.requests,
                "in_flight": counts.in_flight,
                "most_in_flight": counts.most_in_flight,
                "errors": dict(counts.errors),
            }
            for name, counts in self._models.items()
        }
        return {"simulated": True, "models": models, "calls": dict(self._calls)}


def prompt_hash(prompt: str) -> str:
    """Return the name under which calls of a prompt are counted."""
    return hashlib.sha256(prompt.encode()).hexdigest()
