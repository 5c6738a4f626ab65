"""What is known of a model at one moment: the facts that deciding needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import Self

from ..vocabulary.model import Model
from ..vocabulary.views import BreakerState
from .pace import EVEN, MINUTE_MS, Pace, paced_because, raised, wait_for_turn_ms

SOON_MS = 30_000
"""For how long a job waits at most for a model that has not failed it, while one that has is there."""

ERRORS_HALVE_MS = 60_000
"""The half-life of an error rate."""


@dataclass(frozen=True)
class ModelState:
    """The live state of one model; times are milliseconds of Redis's clock.

    `announced` is the number of slots its live workers offer, `window` the share of it that may wait in the
    model's queue, `oldest_leaves` the earliest time a limit of the last minute lets go of something; `pace` spreads
    these limits over the minute. `waiting`
    counts the jobs in lanes of this model alone. `errors` is the error rate, 0 to 1, as it was at `errors_at`. The
    breaker is `closed`, `open` until `open_until`, or `half_open` with so many of its `probes` in flight.
    A model that is `suspect`, or `down`, is probed with one job at a time, from `probe_at` on.
    `requests_left` and `tokens_left` are what the vendor allows to be bound until a reset, None where it is silent.
    `reads` is the newest payload that all its workers read.
    """

    model: Model
    announced: int
    workers: int
    bound: int
    running: int
    served: int
    now: int
    cooled_until: int = 0
    paused: str = ""
    down: str = ""
    suspect: str = ""
    probe_at: int = 0
    requests_in_minute: int = 0
    tokens_in_minute: int = 0
    oldest_leaves: int = 0
    pace: Pace = EVEN
    window: float = 0.0
    waiting: int = 0
    latency_ms: float | None = None
    latency_at: int = 0
    ms_per_token: float | None = None
    errors: float = 0.0
    errors_at: int = 0
    breaker: BreakerState = "closed"
    open_until: int = 0
    breaker_why: str = ""
    probes: int = 0
    kept_for: str = ""
    requests_left: int | None = None
    requests_left_until: int = 0
    tokens_left: int | None = None
    tokens_left_until: int = 0
    reads: int | None = None

    # What is derived is worked out once: a round looks at the same state for hundreds of jobs.

    @cached_property
    def load(self) -> int:
        """The jobs that only this model will do: its depth and its own lanes."""
        return self.bound + self.running + self.waiting

    @cached_property
    def latency_seconds(self) -> float | None:
        """The moving average of whole calls, None before the first."""
        return None if self.latency_ms is None else self.latency_ms / 1000

    @property
    def latency_age_seconds(self) -> float:
        """How long ago a call was last measured."""
        return (self.now - self.latency_at) / 1000

    @cached_property
    def error_rate(self) -> float:
        """The share of calls that failed by the model's own fault, 0 to 1; without calls it halves every minute."""
        if not self.errors:
            return 0.0
        return float(self.errors * 0.5 ** ((self.now - self.errors_at) / ERRORS_HALVE_MS))

    @cached_property
    def depth(self) -> int:
        """The size of the ledger: jobs bound to the model, claimed or not."""
        return self.bound + self.running

    @cached_property
    def capacity(self) -> int:
        """Calls in flight that the model can have: its live workers' slots, within its limit."""
        return min(self.announced, self.model.limits.concurrency or self.announced)

    @cached_property
    def slots(self) -> int:
        """How many more jobs may be bound now: capacity plus the window, less the depth."""
        if self.announced == 0:
            return 0
        most = self.announced + int(self.announced * self.window)
        free = min(most, self.model.limits.concurrency or most) - self.depth
        return max(0, min(free, self.probes_left) if self.probed else free)

    @property
    def suspected(self) -> bool:
        """Whether it gets no more than one job now and then; an open or half-open breaker has rules of its own."""
        return bool(self.down) or (bool(self.suspect) and self.breaker == "closed")

    @property
    def usable_soon(self) -> bool:
        """Whether a job that could go elsewhere may wait for it: it is not suspect, and opens again soon."""
        waits = [self.cooled_until]
        waits += [self.requests_left_until] if self.requests_left is not None and self.requests_left <= 0 else []
        waits += [self.tokens_left_until] if self.tokens_left is not None and self.tokens_left <= 0 else []
        return not self.suspected and max(waits) - self.now <= SOON_MS

    @property
    def probed(self) -> bool:
        """Whether all that it gets are probes."""
        return self.suspected or self.breaker == "half_open"

    @property
    def probes_left(self) -> int:
        """How many more jobs may probe the model now."""
        if self.suspected:
            due = self.probe_at <= self.now and (self.probe_at > 0 or not self.down)
            return 1 - self.probes if due else 0
        return (self.model.breaker.probes if self.model.breaker else 1) - self.probes

    def closed_because(self, tokens: int) -> str | None:
        """Return in words why no job of so many tokens can be bound now, or None."""
        return self.away_because or self.full_because(tokens)

    @cached_property
    def away_because(self) -> str | None:
        """In words why nobody should wait for the model, or None: then it is healthy."""
        if self.down and self.probes_left < 1:
            return f"down: {self.down}{self._next_probe}"
        if self.paused:
            return f"paused: {self.paused}"
        if self.announced == 0:
            return "no live worker"
        if self.breaker == "open":
            return f"breaker open: {self.breaker_why}; probed in {(self.open_until - self.now) / 1000:.1f} s"
        return None

    def unread_because(self, schema: int) -> str | None:
        """Return in words why its workers must not get a payload of this version, or None."""
        if self.reads is None or schema <= self.reads:
            return None
        return f"its workers read payloads up to version {self.reads}, this one is {schema}: update them"

    def full_because(self, tokens: int) -> str | None:
        """Return in words why a healthy model can take no job of so many tokens now, or None."""
        if self._shut is not None:
            return self._shut
        if tokens > self._room:
            return f"{self.model.limits.tokens_per_minute} tokens per minute reached"
        left = self.tokens_left
        if left is not None and tokens > left:
            return f"the vendor allows only {max(0, left)} tokens {self._for_another(self.tokens_left_until)}"
        return None

    @cached_property
    def _shut(self) -> str | None:
        if self.cooled_until > self.now:
            return f"cooling {self._for_another(self.cooled_until)}"
        if self.kept_for:
            return f"its tokens are kept for {self.kept_for}, which comes first"
        if self.breaker == "half_open" and self.probes_left <= 0:
            return f"breaker half-open: {self.probes} probes in flight"
        if self.suspected and self.probes_left < 1:
            return f"suspect: {self.suspect}{self._next_probe}"
        if self.slots == 0:
            return f"full: {self.depth} of {self.capacity} slots taken"
        if self.requests_left is not None and self.requests_left <= 0:
            return f"the vendor allows no more requests {self._for_another(self.requests_left_until)}"
        most = self.model.limits.requests_per_minute
        if most and self.requests_in_minute >= most:
            return f"{most} requests per minute reached"
        return paced_because(self.pace, self.model.limits)

    @property
    def _next_probe(self) -> str:
        if self.probe_at > self.now:
            return f"; probed with one job in {(self.probe_at - self.now) / 1000:.1f} s"
        return "; a probe is under way" if self.probe_at else ""

    def _for_another(self, until: int) -> str:
        return f"for another {(until - self.now) / 1000:.1f} s"

    @cached_property
    def _room(self) -> float:
        """Tokens that fit into the minute; a job larger than all of it may go when nothing else is in it."""
        most = self.model.limits.tokens_per_minute
        return most - self.tokens_in_minute if most and self.tokens_in_minute else inf

    def lacks_tokens(self, tokens: int) -> bool:
        """Whether only tokens keep such a job away: our own limit's, or the vendor's where they come back soon.

        A vendor's reset may be a day away, and what is left may do for smaller jobs all the while.
        """
        soon = self.tokens_left is not None and self.tokens_left_until - self.now <= MINUTE_MS
        room = min(self._room, self.tokens_left or 0) if soon else self._room
        return self.away_because is None and self._shut is None and tokens > room

    def opens_at(self) -> int | None:
        """Return when time alone may open the model, or None when only an event can."""
        if max(self.cooled_until, self.open_until) > self.now:
            return max(self.cooled_until, self.open_until)
        probe_at = self.probe_at if self.suspected else 0
        moments = (self.requests_left_until, self.tokens_left_until, probe_at)
        due = [moment for moment in moments if moment > self.now]
        limits = self.model.limits
        waits = limits.requests_per_minute or limits.tokens_per_minute
        if waits and self.now < self.oldest_leaves <= self.now + MINUTE_MS:
            due.append(self.oldest_leaves)
        if wait_ms := wait_for_turn_ms(self.pace, limits):
            due.append(self.now + wait_ms)
        return min(due, default=None)

    def with_one_waiting(self, more: int = 1) -> Self:
        """Return the state after jobs have come into its own lane, or left it."""
        return replace(self, waiting=max(0, self.waiting + more))

    def with_one_more(self, tokens: int) -> Self:
        """Return the state after one more job has been bound."""
        return replace(
            self,
            bound=self.bound + 1,
            probes=self.probes + 1,
            served=self.served + 1,
            requests_in_minute=self.requests_in_minute + 1,
            tokens_in_minute=self.tokens_in_minute + tokens,
            pace=self._pace_after(tokens),
            requests_left=None if self.requests_left is None else self.requests_left - 1,
            tokens_left=None if self.tokens_left is None else self.tokens_left - tokens,
        )

    def _pace_after(self, tokens: int) -> Pace:
        lasts_ms = min(MINUTE_MS, self.oldest_leaves - self.now) if self.oldest_leaves else MINUTE_MS
        return raised(
            self.pace, tokens, lasts_ms=lasts_ms, used_requests=self.requests_in_minute,
            used_tokens=self.tokens_in_minute, limits=self.model.limits,
        )  # fmt: skip


class HealthChanges:
    """Remembers what kept each model away at the last look."""

    def __init__(self) -> None:
        self._before: dict[str, str] = {}

    def since_last_look(self, states: Mapping[str, ModelState]) -> list[str]:
        """Return one line for each model whose health has changed; at the first look, for each that is not open."""
        lines = []
        for name, state in states.items():
            health = _health(state)
            if health != self._before.get(name, "open"):
                lines.append(f"{name}: {state.away_because or health}")
            self._before[name] = health
        return lines


def _health(state: ModelState) -> str:
    """Return what is logged of a model's health; workers log their own coming and going."""
    if state.down or state.paused:
        return f"down: {state.down}" if state.down else "paused"
    if state.suspected:
        return f"suspect: {state.suspect}"
    return {"open": "breaker open", "half_open": "breaker half-open", "closed": "open"}[state.breaker]
