"""What the demo does, and when: jobs that come, a model that breaks, a worker that is killed, a slow burst."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.router.runtime.http import open_client
from pointsman.router.vocabulary.job import JobSpec

from .. import AsyncClient
from ..local.process_tree import ProcessTree
from .news import jobs
from .scene import Scene

BREAKS_AT, MENDED_AT, KILLED_AT, BURST_AT = 5.0, 10.5, 12.0, 18.0
AT_ONCE, BURST = 20, 12
"""How many jobs come at the beginning, and how many in the burst; the others come one by one."""
NEXT_SECONDS = 1.4
"""The time between two jobs that come one by one."""
IN_FLIGHT_SECONDS = 2.0
"""How long the kill waits until its worker has a call in flight, so that there is something to lose."""
BACK_SECONDS = 30.0
"""How long the burst waits until every model is open again: a busy machine starts a worker slowly."""


@dataclass(frozen=True)
class Act:
    """Something that the demo does at a second of its clock."""

    second: float
    do: Callable[[Scene], Awaitable[None]]


async def play(scene: Scene, acts: Sequence[Act]) -> None:
    """Carry out the acts, each at its time, and return when all jobs have ended."""
    scene.begin()
    for act in sorted(acts, key=lambda act: act.second):
        await asyncio.sleep(act.second - scene.second)
        await act.do(scene)
    await scene.until(lambda: scene.over)


def arrivals(client: AsyncClient, specs: Sequence[JobSpec]) -> Iterator[Act]:
    """Yield the acts that submit jobs: some at once, the others one by one."""
    yield Act(0.0, lambda scene: submit(scene, client, specs[:AT_ONCE]))
    for place, spec in enumerate(specs[AT_ONCE:], 1):
        yield Act(place * NEXT_SECONDS, lambda scene, spec=spec: submit(scene, client, [spec]))  # type: ignore[misc] # redis-py types are of both clients


async def submit(scene: Scene, client: AsyncClient, specs: Sequence[JobSpec]) -> None:
    """Submit jobs, and say so where there are many."""
    scene.ids += await client.submit_many(specs)
    if len(specs) > 1:
        scene.add_news(f"submitted {len(specs)} jobs at once")


def kill_worker(tree: ProcessTree, model: str) -> Act:
    """Return the act that kills the worker of a model with kill -9."""

    async def do(scene: Scene) -> None:
        await scene.until(lambda: bool(scene.running_at(model)), seconds=IN_FLIGHT_SECONDS)
        os.kill(tree.pid(f"worker-{model}"), signal.SIGKILL)
        scene.add_news(f"kill -9 of the worker of {model}")
        await scene.looked_anew()  # what it had just claimed was in flight too
        scene.add_news(f"its leases run out in some seconds: it had {_in_flight(scene.running_at(model))}")

    return Act(KILLED_AT, do)


def kill_server(tree: ProcessTree, name: str, model: str) -> Act:
    """Return the act that kills the server of a local model with kill -9; the process tree starts it again."""

    async def do(scene: Scene) -> None:
        running = scene.running_at(model)
        os.kill(tree.pid(name), signal.SIGKILL)
        scene.add_news(f"kill -9 of the LLM server of {model}, with {_in_flight(running)}")

    return Act(BREAKS_AT, do)


def _in_flight(numbers: Sequence[int]) -> str:
    return f"{jobs(numbers)} in flight" if numbers else "nothing in flight"


def simulated_troubles(url: str) -> list[Act]:
    """Return the acts that break a model of the simulated server at `url`, and mend it."""

    async def break_it(scene: Scene) -> None:
        await _behave(url, "gpt-4.1", server_error_rate=1.0)
        scene.add_news("gpt-4 breaks: from now on it answers each call with status 500")

    async def mend_it(scene: Scene) -> None:
        await _behave(url, "gpt-4.1", server_error_rate=0.0)
        scene.add_news("gpt-4 is mended; a probe finds out by itself")

    return [Act(BREAKS_AT, break_it), Act(MENDED_AT, mend_it)]


def slow_burst(url: str, client: AsyncClient, specs: Sequence[JobSpec]) -> Act:
    """Return the act that slows a model down and submits many jobs at once, when all else is well again."""

    async def do(scene: Scene) -> None:
        await scene.until(lambda: scene.idle)
        await scene.until(lambda: all(view.status == "open" for view in scene.views), seconds=BACK_SECONDS)
        await _behave(url, "gemini-2.5-flash", tokens_per_second=9)
        scene.add_news("gemini turns slow: about 7 s a call in place of 2. Nobody is told")
        await submit(scene, client, specs)

    return Act(BURST_AT, do)


async def _behave(url: str, upstream: str, **fields: Any) -> None:
    async with open_client() as http:
        reply = await http.post(f"{url}/config", json={"models": {upstream: fields}})
        reply.raise_for_status()
