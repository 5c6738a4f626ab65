"""The targets of performance as data, each with how its figure is found in the results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .report import Row

Results = Mapping[str, Mapping[str, Any]]
OURS = "Pointsman"
BY_HAND = "Celery threads"
STOCK = "Celery solo"
NO_QUEUE = "LiteLLM Router"
"""It keeps jobs in the memory of one process, so it is no task queue."""


@dataclass(frozen=True)
class Target:
    """`value` raises KeyError, IndexError or StopIteration where its benchmark has not run; bounds are included."""

    what: str
    value: Callable[[Results], float]
    least: float | None = None
    most: float | None = None

    @property
    def wanted(self) -> str:
        """The bound in words."""
        return f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}"

    def met(self, value: float) -> bool:
        """Whether a value is within the bound."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


def _of(results: Results, name: str, **which: object) -> Row:
    """Return the first row of a result that has these values."""
    rows: Sequence[Row] = results[name]["rows"]
    return next(row for row in rows if all(row[column] == value for column, value in which.items()))


def _others(results: Results, name: str) -> list[Row]:
    return [row for row in results[name]["rows"] if row["queue"] != OURS and not row["queue"].startswith(NO_QUEUE)]


def _ratio(name: str, column: str, to: str) -> Callable[[Results], float]:
    return lambda found: float(_of(found, name, queue=OURS)[column] / _of(found, name, queue=to)[column])


def _to_the_best(name: str) -> Callable[[Results], float]:
    return lambda found: float(
        _of(found, name, queue=OURS)["jobs_per_second"]
        / max(row["jobs_per_second"] for row in _others(found, name))
    )


def _submitting(found: Results) -> float:
    """Return how many jobs we submit in the CPU time in which Celery submits one."""
    return float(_of(found, "queue", queue=STOCK)["submit_ms"] / _of(found, "queue", queue=OURS)["submit_ms"])


def _latency(found: Results) -> float:
    ours, theirs = (_of(found, "latency", queue=queue, jobs="one at a time") for queue in (OURS, BY_HAND))
    return float(ours["p50_ms"] / theirs["p50_ms"])


def _at_a_rate(found: Results) -> float:
    rows = [row for row in found["latency"]["rows"] if row["queue"] == OURS and row["jobs"] != "one at a time"]
    return float(rows[0]["p99_ms"])


def _scale(group: str, column: str) -> Callable[[Results], float]:
    """Return the figure of the largest size of a group."""
    return lambda found: float(found[f"scale-{group}"]["rows"][-1][column])


def _waiting(found: Results) -> float:
    return float(max(row["bytes_per_job"] for row in found["growth"]["rows"] if row["state"] == "pending"))


def _in_flight(column: str) -> Callable[[Results], float]:
    return lambda found: float(_of(found, "in_flight", queue=OURS, slots=1000)[column])


def _start_up(found: Results) -> float:
    return float(max(row["cpu_more_s"] for row in found["startup"]["rows"]))


def _slot_gap(slots: int) -> Target:
    return Target(
        f"between two jobs of a slot, slots {slots}: gap p95, ms",
        lambda found: float(_of(found, "slot_gap", slots=slots)["gap_p95_ms"]),
        most=30,
    )


SLOT_GAPS = tuple(_slot_gap(slots) for slots in (1, 8, 100))
TARGETS = (
    Target("slow LLM: worker CPU per job, x Celery + httpx", _ratio("llm", "worker_ms", BY_HAND), most=0.35),
    Target("slow LLM: jobs/s, x Celery + httpx", _ratio("llm", "jobs_per_second", BY_HAND), least=3),
    Target("slow LLM: jobs/s, x the best task queue", _to_the_best("llm"), least=1),
    Target("one worker with 1 000 slots: most calls in flight", _in_flight("in_flight"), least=1000),
    Target("one worker with 1 000 slots: memory, MB", _in_flight("worker_mb"), most=150),
    Target("no-op: jobs/s, x the best task queue", _to_the_best("queue"), least=0.8),
    Target("no-op: jobs/s, x stock Celery", _ratio("queue", "jobs_per_second", STOCK), least=2),
    Target("jobs submitted per CPU second, x stock Celery", _submitting, least=10),
    Target("one at a time: overhead p50, x Celery", _latency, most=2),
    Target("at a steady rate: overhead p99, ms", _at_a_rate, most=25),
    Target("largest backlog: jobs/s, x 1 000 jobs waiting", _scale("backlog", "times"), least=0.9),
    Target("largest backlog: time of a round, x 1 000 jobs waiting", _scale("backlog", "round_times"), most=1.2),
    Target("a job that waits, prompt of 1 000 characters: bytes", _waiting, most=2000),
    Target("50 models, 200 lanes: time of a round, x 3 and 3", _scale("models", "round_times"), most=2),
    Target("50 models, 200 lanes: jobs/s, x 3 and 3", _scale("models", "times"), least=0.5),
    *SLOT_GAPS,
    Target("start-up: CPU seconds beyond a bare Celery worker's", _start_up, most=0.7),
)


def verdicts(results: Results, targets: Sequence[Target] = TARGETS) -> list[Row]:
    """Return a row for each target: what was wanted, what was measured, and whether that is enough."""
    return [_verdict(target, results) for target in targets]


def _verdict(target: Target, results: Results) -> Row:
    try:
        value = target.value(results)
    except (KeyError, StopIteration, IndexError):
        return {"target": target.what, "wanted": target.wanted, "measured": None, "met": "not measured"}
    met = "yes" if target.met(value) else "**no**"
    return {"target": target.what, "wanted": target.wanted, "measured": round(value, 3), "met": met}
