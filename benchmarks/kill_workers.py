"""The fault "kill -9 of a random worker every few seconds", and what it costs."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from random import Random

from .arena import Arena, quantile
from .llm_server import ANSWERED, CUT, Call
from .report import Row


def kill_workers(arena: Arena, *, every_seconds: float, kills: int, random: Random) -> Row:
    """Submit, kill until the jobs are done or so many kills were made, wait for the rest, and count."""
    arena.submit()
    arena.start_workers()
    killed: list[float] = []
    while len(killed) < kills and arena.unfinished():
        time.sleep(every_seconds)
        ready = [worker for worker in arena.workers if arena.ready(worker)]
        if ready and arena.unfinished():
            killed.append(arena.replace(random.choice(ready)))
    arena.until_over()
    return count(arena, killed)


def only_wait(arena: Arena) -> Row:
    """Kill nobody: what is counted came about by itself."""
    arena.submit()
    arena.start_workers()
    arena.until_over()
    return count(arena, ())


def count(arena: Arena, killed: Sequence[float]) -> Row:
    """Return what the server saw and what the queue answered."""
    calls, unfinished = arena.calls(), arena.unfinished()
    held = unfinished & arena.contender.held()
    results = [arena.results.count(job_id) for job_id in arena.ids]
    answered = Counter(call.job for call in calls if call.how == ANSWERED)
    again = seconds_until_run_again(calls, killed)
    last = max(arena.results.times.values(), default=0.0)
    return {
        "jobs": len(arena.ids),
        "kills": len(killed),
        "lost": len(unfinished - held),
        "stuck": len(held),
        "failed": sum(arena.results.failed.values()),
        "results_twice": sum(count > 1 for count in results),
        "paid_twice": sum(count > 1 for count in answered.values()),
        "calls_too_many": len(calls) - len({call.job for call in calls}),
        "cut_by_kills": sum(call.how == CUT for call in calls),
        "again_p50": rounded(quantile(again, 0.5)),
        "again_max": rounded(max(again, default=None)),
        "never_again": len(cut_jobs(calls)) - len(again),
        "seconds": rounded(last - min((call.arrived for call in calls), default=last)),
    }


def cut_jobs(calls: Sequence[Call]) -> list[Call]:
    """Return the calls that a kill cut off."""
    return [call for call in calls if call.how == CUT]


def seconds_until_run_again(calls: Sequence[Call], killed: Sequence[float]) -> list[float]:
    """Return the seconds from the kill to the next call of the same job, for each call cut off by a kill."""
    by_job: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        by_job[call.job].append(call)
    return [
        later.arrived - max((at for at in killed if at <= (cut.ended or at)), default=cut.arrived)
        for job_calls in by_job.values()
        for cut, later in pairwise(job_calls)
        if cut.how == CUT
    ]


def rounded(seconds: float | None) -> float | None:
    """Return seconds as they are shown."""
    return None if seconds is None else round(seconds, 1)
