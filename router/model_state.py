"""What is known of a model at one moment: the facts that deciding needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from .catalog import Model


@dataclass(frozen=True)
class ModelState:
    """The live state of one model; times are milliseconds of Redis's clock.

    `announced` is the number of slots its live workers offer, `window` the share of it that may wait in the
    model's queue, `full_at` the earliest time a limit of the last minute lets go of something.
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
    requests_in_minute: int = 0
    tokens_in_minute: int = 0
    oldest_leaves: int = 0
    window: float = 0.0
    kept_for: str = ""

    @property
    def depth(self) -> int:
        """The size of the ledger: jobs bound to the model, claimed or not."""
        return self.bound + self.running

    @property
    def capacity(self) -> int:
        """Calls in flight that the model can have: its live workers' slots, within its limit."""
        return min(self.announced, self.model.limits.concurrency or self.announced)

    @property
    def slots(self) -> int:
        """How many more jobs may be bound now: capacity plus the window, less the depth."""
        if self.announced == 0:
            return 0
        most = self.announced + int(self.announced * self.window)
        return max(0, min(most, self.model.limits.concurrency or most) - self.depth)

    def closed_because(self, tokens: int) -> str | None:
        """Return in words why no job of so many tokens can be bound now, or None."""
        if self.down:
            return f"down: {self.down}"
        if self.paused:
            return f"paused: {self.paused}"
        if self.announced == 0:
            return "no live worker"
        if self.cooled_until > self.now:
            return f"cooling for another {(self.cooled_until - self.now) / 1000:.1f} s"
        if self.kept_for:
            return f"its tokens are kept for {self.kept_for}, which comes first"
        if self.slots == 0:
            return f"full: {self.depth} of {self.capacity} slots taken"
        return self._limited(tokens)

    def lacks_tokens(self, tokens: int) -> bool:
        """Whether only the tokens of the last minute keep such a job away."""
        return self.closed_because(0) is None and self.closed_because(tokens) is not None

    def _limited(self, tokens: int) -> str | None:
        limits = self.model.limits
        if limits.requests_per_minute and self.requests_in_minute >= limits.requests_per_minute:
            return f"{limits.requests_per_minute} requests per minute reached"
        over = self.tokens_in_minute and self.tokens_in_minute + tokens > (limits.tokens_per_minute or 0)
        if limits.tokens_per_minute and over:
            return f"{limits.tokens_per_minute} tokens per minute reached"
        return None

    def opens_at(self) -> int | None:
        """Return when time alone may open the model, or None when only an event can."""
        if self.cooled_until > self.now:
            return self.cooled_until
        limits = self.model.limits
        waits = limits.requests_per_minute or limits.tokens_per_minute
        return self.oldest_leaves if waits and self.now < self.oldest_leaves < self.now + 60_001 else None

    def with_one_more(self, tokens: int) -> Self:
        """Return the state after one more job has been bound."""
        return replace(
            self,
            bound=self.bound + 1,
            served=self.served + 1,
            requests_in_minute=self.requests_in_minute + 1,
            tokens_in_minute=self.tokens_in_minute + tokens,
        )
