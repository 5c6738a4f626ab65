"""What changed between two looks at jobs and models, in words. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.job import Attempt, JobRecord, JobState
from pointsman.router.vocabulary.views import ModelView

AT_A_MODEL = frozenset({JobState.BOUND, JobState.RUNNING, JobState.SUCCEEDED})
MOST_NUMBERS = 4

Groups = dict[tuple[str, str], list[int]]


def changes(
    before: Sequence[JobRecord],
    after: Sequence[JobRecord],
    models_before: Sequence[ModelView],
    models_after: Sequence[ModelView],
) -> Iterator[str]:
    """Yield in words which attempts failed, which models opened or closed, and which jobs moved."""
    failed: Groups = defaultdict(list)
    moved: Groups = defaultdict(list)
    for number, record in enumerate(after, 1):
        old = before[number - 1] if number <= len(before) else None
        for attempt in record.history[len(old.history) if old else 0 :]:
            if attempt.kind is not None and number not in failed[attempt.model, attempt.kind]:
                failed[attempt.model, attempt.kind].append(number)
        way = move_of(record)
        if way is not None and (old is None or way != move_of(old)):
            moved[way].append(number)
    yield from (_failed(model, kind, numbers) for (model, kind), numbers in failed.items())
    yield from _health_changes(models_before, models_after)
    yield from (f"{jobs(numbers)} moved from {left} to {to}" for (left, to), numbers in moved.items())


def move_of(record: JobRecord) -> tuple[str, str] | None:
    """Return the model that the job's last failed attempt left, and another one where it is now; else None."""
    left = last_failed(record)
    if left is None or record.state not in AT_A_MODEL or record.model in (None, left.model):
        return None
    return left.model, str(record.model)


def last_failed(record: JobRecord) -> Attempt | None:
    """Return the last attempt that gave no answer."""
    return next((attempt for attempt in reversed(record.history) if attempt.kind is not None), None)


def jobs(numbers: Sequence[int]) -> str:
    """Return `job 3`, `jobs 3 and 5`, or how many they are where they are many."""
    if len(numbers) == 1:
        return f"job {numbers[0]}"
    if len(numbers) > MOST_NUMBERS:
        return f"{len(numbers)} jobs"
    return f"jobs {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def _failed(model: str, kind: str, numbers: Sequence[int]) -> str:
    back = f"{jobs(numbers)} {'waits' if len(numbers) == 1 else 'wait'} again"
    if kind == ErrorKind.WORKER_LOST:
        return f"a lease at {model} ran out ({kind}): {back}"
    return f"{model} failed ({kind}): {back}"


def _health_changes(before: Sequence[ModelView], after: Sequence[ModelView]) -> Iterator[str]:
    old = {view.name: _health(view) for view in before}
    for view in after:
        health = _health(view)
        if health == old.get(view.name, "closed"):
            continue
        match health:
            case "suspect":
                yield f"{view.name} is {view.status.partition(';')[0]}"
            case "open":
                yield f"{view.name} takes nothing now: {view.status.partition(';')[0]}"
            case "half_open":
                yield f"{view.name} is tried with one job (breaker half-open)"
            case "closed":
                yield f"{view.name} answers again: it takes jobs as before"


def _health(view: ModelView) -> str:
    return "suspect" if view.status.startswith("suspect:") else view.breaker
