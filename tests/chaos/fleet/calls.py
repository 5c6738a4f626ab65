"""What the ledger server wrote down, and what follows from it: calls, paid calls and overlaps of each job."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

REFUSED = frozenset({"limited", "overloaded"})
"""How a call ends that no vendor asks money for."""

SAME_MOMENT_SECONDS = 0.05
"""A hung-up connection and the next call may be read from the network in either order."""


@dataclass(frozen=True)
class Call:
    """One call, as the ledger server wrote it down; times are Unix seconds."""

    job: str
    binding: int
    model: str
    arrived: float
    ended: float | None
    how: str | None

    @property
    def paid(self) -> bool:
        """Whether an answer was generated for it, or had begun to be."""
        return self.how not in REFUSED

    def outlives(self, moment: float) -> bool:
        """Whether it was still open then."""
        return self.ended is None or self.ended > moment


class Calls:
    """The calls of some jobs."""

    def __init__(self, calls: Iterable[Call], jobs: Collection[str]) -> None:
        self.of_job: dict[str, list[Call]] = defaultdict(list)
        wanted = set(jobs)
        for call in sorted(calls, key=lambda call: call.arrived):
            if call.job in wanted:
                self.of_job[call.job].append(call)

    def __iter__(self) -> Iterator[Call]:
        return (call for calls in self.of_job.values() for call in calls)

    def extra_paid(self) -> Counter[str]:
        """Return how many calls above one were paid, for each job that has any."""
        paid = {job: sum(call.paid for call in calls) for job, calls in self.of_job.items()}
        return Counter({job: count - 1 for job, count in paid.items() if count > 1})

    def overlaps(self) -> list[tuple[Call, Call]]:
        """Return each call that came while an earlier one of its job was open, behind that earlier one."""
        return [
            (earlier, later)
            for calls in self.of_job.values()
            for at, later in enumerate(calls)
            for earlier in calls[:at]
            if earlier.outlives(later.arrived + SAME_MOMENT_SECONDS)
        ]

    def ended(self, *how: str) -> list[Call]:
        """Return the calls that ended in one of these ways."""
        return [call for call in self if call.how in how]
