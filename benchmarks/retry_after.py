"""The fault "429 with Retry-After to whoever comes", and how many calls come in spite of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from .arena import Arena
from .kill_workers import rounded
from .llm_server import ANSWERED, REFUSED, Call
from .report import Row

REFUSE_SECONDS, RETRY_AFTER = 10.0, 5
STARTED_SHARE = 0.1
"""The share of the jobs that is done before the server begins to refuse."""


def refuse_everybody(arena: Arena) -> Row:
    """Submit, let the server refuse everybody for a while, wait for the rest, and count."""
    arena.submit()
    arena.start_workers()
    enough = int(len(arena.ids) * STARTED_SHARE)
    arena.wait_until(lambda: len(arena.results.times) >= enough)
    until = arena.refuse(seconds=REFUSE_SECONDS, retry_after=RETRY_AFTER)
    arena.until_over()
    time.sleep(arena.size.latency)
    calls, unfinished = arena.calls(), arena.unfinished()
    early = too_early(calls)
    answered_after = [call.arrived for call in calls if call.how == ANSWERED and call.arrived >= until]
    return {
        "jobs": len(arena.ids),
        "lost": len(unfinished - arena.contender.held()),
        "stuck": len(unfinished & arena.contender.held()),
        "failed": sum(arena.results.failed.values()),
        "refused": sum(call.how == REFUSED for call in calls),
        "too_early": len(early),
        "too_early_by_ms": round(max(early, default=0.0) * 1000),
        "results_twice": sum(arena.results.count(job_id) > 1 for job_id in arena.ids),
        "idle_after": rounded(min(answered_after) - until if answered_after else None),
        "seconds": rounded(max(arena.results.times.values()) - min(call.arrived for call in calls)),
    }


def too_early(calls: Sequence[Call]) -> list[float]:
    """Return the seconds into its wait of each call that arrived while the server had asked everybody to wait.

    Calls that were on their way when the first 429 was answered cannot be helped, and are not counted. A wait
    begins with the first 429 after the last wait, and ends with the latest moment that was asked for in it.
    """
    began = until = 0.0
    early: list[float] = []
    refusals = deque(sorted((call.ended or call.arrived) for call in calls if call.how == REFUSED))
    for call in sorted(calls, key=lambda call: call.arrived):
        while refusals and refusals[0] < call.arrived:
            at = refusals.popleft()
            began = at if at >= until else began
            until = at + RETRY_AFTER
        if call.arrived < until:
            early.append(call.arrived - began)
    return early
