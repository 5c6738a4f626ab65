"""What became of the demo's jobs, counted from their records and from the simulated server's ledger. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.job import JobRecord

from ..simulated.ledger import prompt_hash

CUT_OFF = (ErrorKind.TIMEOUT, ErrorKind.CONNECTION, ErrorKind.BAD_RESPONSE)
"""How a call ends of which nobody can know whether the model had begun to answer it."""


@dataclass(frozen=True)
class Tally:
    """The counts of one run.

    `moved` are the jobs that one model failed and another one answered, `left` by the first one's name; `lost` are
    those without an end. `paid_again` are the calls paid beyond one for each job, None without a ledger; a worker
    that died in mid-call explains some of them. `broken_off` and `lost_with_worker` count attempts.
    """

    total: int
    done: int
    moved: int
    left: Mapping[str, int]
    lost: int
    paid_again: int | None
    paid_again_for_a_lost_worker: int
    broken_off: int
    lost_with_worker: int
    cost_usd: float
    output_tokens: int

    @property
    def unexplained(self) -> int:
        """The answers paid twice that no death of a worker explains: there must be none."""
        return (self.paid_again or 0) - self.paid_again_for_a_lost_worker

    @property
    def as_promised(self) -> bool:
        """Whether each job was answered, none is lost, and none was paid twice without a reason."""
        return self.done == self.total and self.lost == 0 and self.unexplained == 0


def tally(prompts: Sequence[str], records: Sequence[JobRecord | None], paid: Mapping[str, int] | None) -> Tally:
    """Count, by the prompt of each record (None: it is gone) and by the ledger, which has prompts by their hash."""
    known = [record for record in records if record is not None]
    again = [_paid_again(prompt, paid) for prompt in prompts]
    losses = [_attempts(record, ErrorKind.WORKER_LOST) if record else 0 for record in records]
    left = [model for model in map(_left, known) if model is not None]
    results = [record.result for record in known if record.result is not None]
    return Tally(
        total=len(prompts),
        done=sum(record.state == "succeeded" for record in known),
        moved=len(left),
        left=Counter(left),
        lost=sum(record is None or not record.done for record in records),
        paid_again=None if paid is None else sum(again),
        paid_again_for_a_lost_worker=sum(map(min, again, losses)),
        broken_off=sum(_attempts(record, *CUT_OFF) for record in known),
        lost_with_worker=sum(losses),
        cost_usd=sum(result.cost_usd or 0.0 for result in results),
        output_tokens=sum(result.answer.usage.output_tokens for result in results),
    )


def _paid_again(prompt: str, paid: Mapping[str, int] | None) -> int:
    return max(0, (paid or {}).get(prompt_hash(prompt), 0) - 1)


def _attempts(record: JobRecord, *kinds: ErrorKind) -> int:
    return sum(attempt.kind in kinds for attempt in record.history)


def _left(record: JobRecord) -> str | None:
    """Return the model that failed the job last before another one answered it, None where none did."""
    failed = [attempt.model for attempt in record.history if attempt.kind is not None]
    others = [model for model in failed if model != record.model]
    return others[-1] if others and record.state == "succeeded" else None


def summary_lines(counted: Tally) -> Iterator[str]:
    """Yield the five lines: done, moved, lost, paid twice, cost."""
    left = ", ".join(f"{count} from {model}" for model, count in counted.left.items())
    yield f"done        {counted.done} of {counted.total} jobs"
    yield f"moved       {counted.moved} to another model" + (f" ({left})" if left else "")
    yield f"lost        {counted.lost}"
    yield f"paid twice  {_paid_twice(counted)}"
    if counted.paid_again is None:
        yield f"cost        ${counted.cost_usd:.4f} ({counted.output_tokens} tokens written)"
    else:
        yield f"cost        ${counted.cost_usd:.4f} at list price (simulated: nothing was paid)"


def _paid_twice(counted: Tally) -> str:
    """Return the count with its reason: no queue can know whether a call was answered when its worker died."""
    if counted.paid_again is None:
        again = counted.lost_with_worker + counted.broken_off
        whys = f"{counted.lost_with_worker} in flight in the killed worker, {counted.broken_off} broken off"
        return f"at most {again} ({whys})" if again else "0"
    if counted.paid_again == counted.unexplained:
        return str(counted.paid_again)
    whys = f"{counted.paid_again_for_a_lost_worker} in flight in the killed worker"
    return f"{counted.paid_again} ({whys}, {counted.unexplained} for any other reason)"
