"""Measures whether limits hold at the vendor: 4 dispatchers, 4 Celery workers, jobs always waiting.

    python -m benchmarks.limits                # requests, tokens and calls in flight: about 4 minutes
    python -m benchmarks.limits retry-after    # nobody calls before a Retry-After is over: about 2 minutes

An LLM server in a process of its own notes when each call arrives. Figures go to the terminal and to
benchmarks/results/. The status is 1 where one of them misses what docs/reliability.md promises.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.job import JobRecord, JobSpec

from .llm_server import Call
from .report import write
from .watched import Plan, Watched, watched

REQUESTS, TOKENS, IN_FLIGHT = 600, 20_000, 24
WINDOWS = 3
AT_LEAST_PER_MINUTE = 570
IN_6_S_AT_MOST = 150
"""A burst of a tenth, a tenth of a minute at an even pace, and some for what was bound and is called late."""

REFUSED_SHARE, REFUSING_SECONDS = 0.03, 90.0


async def requests_and_tokens(folder: Path) -> tuple[dict[str, Any], bool]:
    """Keep two models at their limits for three windows and more; return the figures, and whether they are good."""
    models = {
        "by-requests": {"limits": {"requests_per_minute": REQUESTS, "concurrency": IN_FLIGHT}},
        "by-tokens": {"limits": {"tokens_per_minute": TOKENS, "concurrency": IN_FLIGHT}},
    }
    async with watched(Plan(models), folder) as live:
        for model in models:
            await live.jobs.submit_many([_job(model, at) for at in range(REQUESTS * WINDOWS + 800)])
        await asyncio.sleep(WINDOWS * 61 + 10)  # so that the last window is whole
        calls, most = await live.calls(), await live.most_in_flight()
    arrivals = [call.arrived for call in calls if call.model == "by-requests"]
    tokens = [call for call in calls if call.model == "by-tokens"]
    figures = {
        "requests_per_minute": REQUESTS,
        "calls": len(arrivals),
        "most_calls_in_any_60_s": most_in(60, arrivals, [1] * len(arrivals)),
        "most_calls_in_any_6_s": most_in(6, arrivals, [1] * len(arrivals)),
        "calls_a_minute": round(rate_of_whole_minutes(arrivals), 1),
        "tokens_per_minute": TOKENS,
        "most_tokens_in_any_60_s": most_in(60, [call.arrived for call in tokens], [call.tokens for call in tokens]),
        "calls_by_tokens": len(tokens),
        "concurrency": IN_FLIGHT,
        "most_in_flight": most,
    }
    good = (
        figures["most_calls_in_any_60_s"] <= REQUESTS
        and figures["most_calls_in_any_6_s"] <= IN_6_S_AT_MOST
        and figures["calls_a_minute"] >= AT_LEAST_PER_MINUTE
        and figures["most_tokens_in_any_60_s"] <= TOKENS
        and max(most.values()) <= IN_FLIGHT
    )
    return figures, good


def _job(model: str, at: int) -> JobSpec:
    message = {"role": "user", "content": f"{at}: {'How many trains pass here in a minute? ' * 5}"}
    return JobSpec(request=ChatRequest.model_validate({"messages": [message], "max_tokens": 100}), model=model)


def most_in(seconds: float, moments: Sequence[float], weights: Sequence[int]) -> int:
    """Return the largest sum of weights in so many seconds, whose end is not part of them."""
    pairs = sorted(zip(moments, weights, strict=True))
    most = held = first = 0
    for moment, weight in pairs:
        held += weight
        while pairs[first][0] <= moment - seconds:
            held -= pairs[first][1]
            first += 1
        most = max(most, held)
    return most


def rate_of_whole_minutes(moments: Sequence[float]) -> float:
    """Return calls a minute over as many windows of 61 s, for which a call counts, as there are since the first."""
    ordered = sorted(moments)
    seconds = (ordered[-1] - ordered[0]) // 61 * 61
    return bisect_left(ordered, ordered[0] + seconds) * 60 / seconds if seconds else 0.0


async def retry_after(folder: Path) -> tuple[dict[str, Any], bool]:
    """Refuse a random share of all calls; return how long was waited after each refusal, over all workers."""
    plan = Plan({"refusing": {}}, faults=("--refuse", str(REFUSED_SHARE)))
    async with watched(plan, folder) as live:
        ids = await _submit_while(live, seconds=REFUSING_SECONDS)
        calls, records = await live.calls(), await live.records(ids)
    figures = waits(calls, records)
    return figures, figures["calls_too_early"] == 0 and figures["refused"] >= 10


async def _submit_while(live: Watched, *, seconds: float) -> list[str]:
    """Keep a few hundred jobs waiting for so long; return the ids of all."""
    ids: list[str] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        [view] = await live.models.views()
        if view.waiting < 200:
            start = len(ids)
            ids += await live.jobs.submit_many([JobSpec(prompt=f"call {start + at}") for at in range(300)])
        await asyncio.sleep(0.2)
    return ids


def waits(calls: Sequence[Call], records: Sequence[JobRecord]) -> dict[str, Any]:
    """Hold each call against every refusal that was settled before the call was claimed.

    A call that was claimed earlier than that is in flight: nobody can call it back.
    """
    attempts = {f"{record.id}.{at.binding}": at for record in records for at in record.history}
    known = sorted((call for call in calls if call.request_id in attempts), key=lambda call: call.arrived)
    refused = [call for call in known if call.retry_after]
    beyond, early, in_flight = [], set(), set()
    for refusal in refused:
        replied = refusal.ended or 0.0
        asked_until = replied + refusal.retry_after
        settled = attempts[refusal.request_id].ended or 0.0
        later = [call for call in known if call.arrived > replied]
        after = [call for call in later if attempts[call.request_id].started > settled]
        meanwhile = {call.request_id for call in later if call.arrived < asked_until}
        early |= meanwhile & {call.request_id for call in after}
        in_flight |= meanwhile - early
        beyond += [call.arrived - asked_until for call in after[:1]]
    return {
        "calls": len(calls),
        "refused": len(refused),
        "calls_too_early": len(early),
        "calls_claimed_before_a_refusal_was_settled": len(in_flight),
        "least_seconds_waited_beyond_what_was_asked": round(min(beyond, default=0.0), 3),
        "median_seconds_waited_beyond_what_was_asked": round(median(beyond), 3) if beyond else 0.0,
    }


def main() -> int:
    """Measure, print, keep; return 1 where a promise is not kept."""
    which = sys.argv[1] if len(sys.argv) > 1 else "requests"
    measure = {"requests": requests_and_tokens, "retry-after": retry_after}[which]
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        figures, good = asyncio.run(measure(Path(made)))
    report = {"measured": which, "dispatchers": 4, "workers": 4, **figures}
    write("limits" if which == "requests" else f"limits-{which}", options={}, rows=[report])
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
