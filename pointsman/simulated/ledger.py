"""Counts what the simulated server was asked, so that tests can prove what was called how often."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Counts:
    """Counts of one model; `in_flight` includes the requests that wait in line."""

    requests: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    paid: Counter[str] = field(default_factory=Counter)


class CallLedger:
    """Counts per model, and how often each prompt was called and paid.

    A call is every request, refused ones too; it is paid once its answer is being generated.
    """

    def __init__(self) -> None:
        self._models: dict[str, Counts] = defaultdict(Counts)

    def begin(self, upstream: str, prompt: str) -> int:
        """Count a request; returns the number of this call of this prompt to this model, from 1."""
        counts, name = self._models[upstream], prompt_hash(prompt)
        counts.requests += 1
        counts.in_flight += 1
        counts.most_in_flight = max(counts.most_in_flight, counts.in_flight)
        counts.calls[name] += 1
        return counts.calls[name]

    def pay(self, upstream: str, prompt: str) -> None:
        """Count a request whose answer is being generated."""
        self._models[upstream].paid[prompt_hash(prompt)] += 1

    def end(self, upstream: str) -> None:
        """Count a request as answered."""
        self._models[upstream].in_flight -= 1

    def count_error(self, upstream: str, kind: str) -> None:
        """Count an error that was served on purpose."""
        self._models[upstream].errors[kind] += 1

    def report(self) -> dict[str, Any]:
        """Return all counts as JSON-ready data; at the top over all models, `calls` and `paid` by prompt hash."""
        models = {name: vars(counts) for name, counts in self._models.items()}
        every = list(self._models.values())
        return {
            "simulated": True,
            "requests": sum(counts.requests for counts in every),
            "models": models,
            "calls": sum((counts.calls for counts in every), Counter()),
            "paid": sum((counts.paid for counts in every), Counter()),
        }


def prompt_hash(prompt: str) -> str:
    """Return the name under which calls of a prompt are counted: the SHA-256 of the last user message."""
    return hashlib.sha256(prompt.encode(errors="surrogatepass")).hexdigest()
