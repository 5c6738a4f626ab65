"""Runs the demo from start to end."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from pointsman.router.config.settings import Settings
from pointsman.router.runtime.cancellation import stop
from pointsman.router.vocabulary.job import JobRecord

from .. import AsyncClient
from ..local.ports import free_port
from ..local.signals import stop_on_signals
from ..local.up import Running, running
from .acts import play
from .burst import bound_at_submit, call_seconds, measured
from .conclusion import burst_lines, next_lines, why_lines
from .local_show import LocalShow
from .prompts import PROMPTS
from .scene import Scene
from .show import Llm, RealShow, Show, SimulatedShow
from .summary import Tally, summary_lines, tally
from .watch import final_records, news_of_parts, shown, watch

SHOWS: dict[Llm, type[Show]] = {Llm.SIMULATED: SimulatedShow, Llm.LOCAL: LocalShow, Llm.REAL: RealShow}


@dataclass(frozen=True)
class Stage:
    """Where a demo runs: what is shown, on which parts, with which settings, and where it is seen."""

    show: Show
    found: Running
    settings: Settings
    console: Console


async def run_demo(settings: Settings, console: Console, *, keep: bool, llm: Llm) -> int:
    """Run the demo and return the exit status: 0 when it kept what it promises."""
    stop_on_signals()
    show = SHOWS[llm]()

    def on_step(words: str) -> None:
        console.print(f"[dim]{words} ...[/dim]")

    with tempfile.TemporaryDirectory(prefix="pointsman-demo-") as folder:
        async with (
            show.prepared(_own(settings), Path(folder), on_step) as plan,
            running(plan, on_step) as found,
        ):
            stage = Stage(show, found, plan.settings, console)
            counted = await _perform(stage, keep=keep)
            if keep:
                await asyncio.Event().wait()
            return 0 if counted.as_promised else 1


def _own(settings: Settings) -> Settings:
    own = {
        "api_host": "127.0.0.1",
        "api_port": free_port(),
        "api_keys": (),
        "flower_host": "127.0.0.1",
        "flower_port": free_port(),
        "key_prefix": "",
        "lease_seconds": min(settings.lease_seconds, 5.0),
        "presence_seconds": min(settings.presence_seconds, 3.0),
    }
    return settings.model_copy(update=own)


async def _perform(stage: Stage, *, keep: bool) -> Tally:
    """Show the whole story, and then what came of it."""
    show, found, console = stage.show, stage.found, stage.console
    records = await _play(stage)
    counted = tally([prompt for _, prompt in PROMPTS], records, await show.paid(found))
    known = [record for record in records if record is not None]
    lines = [*_burst(stage, known), "", *summary_lines(counted), ""]
    lines += [*why_lines(known, found.api_url), *next_lines(found, keep=keep)]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return counted


async def _play(stage: Stage) -> list[JobRecord | None]:
    """Play the story while it is watched, and return the jobs as they are at its end; None is one that is gone."""
    show, found = stage.show, stage.found
    async with shown(stage.console, show.title) as (on_news, refresh), AsyncClient(found.api_url) as client:
        scene = Scene(len(PROMPTS), tuple(found.catalog.models), on_news)
        # this task waits for the two others and for nothing else: redis-py can lose a cancellation, which is Ctrl-C
        playing = asyncio.create_task(play(scene, show.acts(found, client)))
        watching = asyncio.create_task(watch(scene, found, stage.settings, refresh))
        try:
            with news_of_parts(scene):
                done, _ = await asyncio.wait({playing, watching}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await stop(playing, watching)
        return await final_records(found, stage.settings, scene.ids)


def _burst(stage: Stage, records: Sequence[JobRecord]) -> list[str]:
    """Return the lines about the burst, none where there was no burst or a job of it failed."""
    burst = records[-stage.show.burst :] if stage.show.burst else []
    if not burst or any(record.result is None for record in burst):
        return []
    catalog = stage.found.catalog
    slots = {name: model.worker_concurrency for name, model in catalog.models.items()}
    candidates = [catalog.task_classes[record.task_class or catalog.default_class].models for record in burst]
    # a model that took none of the burst is taken to be as fast as it was before
    seconds = call_seconds(records) | call_seconds(burst)
    computed = bound_at_submit(candidates, slots=slots, seconds=seconds)
    return ["", *burst_lines(len(burst), measured(burst), computed)]
