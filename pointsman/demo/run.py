"""Runs the demo from start to end."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pointsman.router.config.settings import Settings
from pointsman.router.vocabulary.errors import ConfigError
from pointsman.router.vocabulary.job import JobRecord, JobSpec
from pointsman.router.vocabulary.views import ModelView

from .. import AsyncClient
from ..cli.output.tables import models_table, results_table
from ..local.ports import free_port
from ..local.signals import stop_on_signals
from ..local.up import Plan, Running, running
from .prompts import PROMPTS

HERE = Path(__file__).parent
REFRESH_SECONDS = 0.25
SECONDS_AT_MOST = 300


async def run_demo(settings: Settings, console: Console, *, keep: bool, real: bool) -> int:
    """Run the demo and return the exit status: 0 when every job succeeded."""
    stop_on_signals()
    with tempfile.TemporaryDirectory(prefix="pointsman-demo-") as folder:
        plan = _plan(settings, Path(folder), real=real)
        async with running(plan, lambda words: console.print(f"[dim]{words} ...[/dim]")) as found:
            records = await _carry_out(found, console)
            console.print()
            console.print(results_table(records, width=console.width))
            _print_summary(console, records, found, keep=keep)
            if keep:
                await asyncio.Event().wait()
            return 0 if all(record.state == "succeeded" for record in records) else 1


def _plan(settings: Settings, folder: Path, *, real: bool) -> Plan:
    own = {
        "models_file": HERE / "models.yaml",
        "api_host": "127.0.0.1",
        "api_port": free_port(),
        "api_keys": (),
        "flower_host": "127.0.0.1",
        "flower_port": free_port(),
        "key_prefix": "",
        "lease_seconds": min(settings.lease_seconds, 5.0),
    }
    return Plan(
        settings=settings.model_copy(update=own),
        folder=folder,
        logs=folder,
        simulated=not real,
        simulation_file=None if real else HERE / "simulation.yaml",
    )


async def _carry_out(found: Running, console: Console) -> list[JobRecord]:
    specs = _specs()
    async with AsyncClient(found.api_url) as client:
        ids = await client.submit_many(specs)
        console.print(f"submitted {len(ids)} jobs to {found.api_url}")
        try:
            async with asyncio.timeout(SECONDS_AT_MOST):
                await _watch(client, ids, console)
        except TimeoutError:
            raise ConfigError(f"the jobs did not end within {SECONDS_AT_MOST} s: see pointsman models") from None
        return [await client.get(job_id) for job_id in ids]


def _specs() -> list[JobSpec]:
    """Return the jobs, the classes in turn, as they might come in."""
    rounds = zip(*PROMPTS.values(), strict=True)
    return [
        JobSpec(prompt=prompt, task_class=task_class, priority=5)
        for prompts in rounds
        for task_class, prompt in zip(PROMPTS, prompts, strict=True)
    ]


async def _watch(client: AsyncClient, ids: list[str], console: Console) -> None:
    """Show a progress bar and the live table of models until every job has ended."""
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    bar = progress.add_task("jobs done", total=len(ids))
    views: list[ModelView] = await client.models()

    def picture() -> Group:
        return Group(progress, models_table(views, width=console.width, title="Models, live"))

    with Live(picture(), console=console, auto_refresh=False, transient=False) as live:
        async with asyncio.TaskGroup() as group:
            counting = group.create_task(_count(client, ids, progress, int(bar)))
            while not counting.done():
                views = await client.models()
                live.update(picture(), refresh=True)
                await asyncio.wait([counting], timeout=REFRESH_SECONDS)
        views = await client.models()
        live.update(picture(), refresh=True)


async def _count(client: AsyncClient, ids: list[str], progress: Progress, bar: int) -> None:
    async for _ in client.as_finished(ids):
        progress.advance(progress.task_ids[bar])


def _print_summary(console: Console, records: list[JobRecord], found: Running, *, keep: bool) -> None:
    done = sum(record.state == "succeeded" for record in records)
    cost = sum(record.result.cost_usd or 0.0 for record in records if record.result)
    note = " [dim](simulated: nothing was paid)[/dim]" if found.simulated_url else ""
    console.print(f"[bold]{done} of {len(records)} jobs succeeded[/bold], ${cost:.4f} at list price{note}")
    console.print(f"API      {found.api_url}/docs")
    console.print(f"Flower   {found.flower_url}")
    if not keep:
        console.print("All of it stops now; make demo KEEP=1 keeps it up.")
        return
    for name in found.catalog.models:
        console.print(f"worker   {name}, process {found.tree.pid(f'worker-{name}')}: kill -9 it, and its jobs move")
    console.print(f'Try: .venv/bin/pointsman submit "Why is the sky blue?" --wait --url {found.api_url}')
    console.print(f"     .venv/bin/pointsman models --url {found.api_url}")
    console.print("Everything stays up until Ctrl-C.")
