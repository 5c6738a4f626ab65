"""A live Pointsman for tests: real Redis, Celery workers and dispatchers; only the LLM server is simulated."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import JobStore, ModelStore, open_redis
from pointsman.router.vocabulary.job import JobRecord, JobSpec
from pointsman.router.vocabulary.views import ModelView
from pointsman.simulated import SimulatedModel, Simulation, running_server, simulate
from pointsman.simulated.catalog import write_catalog
from pointsman.simulated.ledger import prompt_hash
from pointsman.simulated.server import SimulatedServer
from pointsman.simulated.settings import SimulationChanges
from tests.support.checkout import ROOT
from tests.support.warm_start import Process, start_warm

SECONDS_AT_MOST = 45.0


async def eventually(check: Callable[[], Awaitable[Any]], *, what: str, seconds: float = SECONDS_AT_MOST) -> Any:
    """Return what `check` returns once it is true; fails the test when it is not in time."""
    end = time.monotonic() + seconds
    while True:
        found = await check()
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(0.05)


class Parts:
    """The processes of a Pointsman; each part is started by hand, as a user would."""

    def __init__(self, settings: Settings, catalog: Catalog, folder: Path) -> None:
        self.settings, self.catalog, self.folder = settings, catalog, folder
        self.processes: list[Process] = []
        self.python, self.works_in = sys.executable, ROOT
        self.models_file = folder / "models.yaml"
        write_catalog(catalog, self.models_file)

    @property
    def environment(self) -> dict[str, str]:
        """What every part gets in its environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POINTSMAN_")}
        return kept | self.settings.model_copy(update={"models_file": self.models_file}).as_environment()

    def start(self, *command: str, name: str, **environment: str) -> Process:
        """Start a process whose output goes to a log in the test's folder."""
        with (self.folder / f"{name}-{len(self.processes)}.log").open("wb") as output:
            process = start_warm(command, cwd=self.works_in, env=self.environment | environment, stdout=output)
        self.processes.append(process)
        return process

    def api(self) -> Process:
        """Start an API process."""
        return self.start(self.python, "-m", "pointsman", "serve", name="api")

    def dispatcher(self) -> Process:
        """Start a dispatcher."""
        return self.start(self.python, "-m", "pointsman", "dispatch", name="dispatcher")

    def worker(self, model: str, *more: str, **environment: str) -> Process:
        """Start a worker exactly as a Celery user would."""
        node = f"{model}-{len(self.processes)}@test"
        command = (self.python, "-m", "celery", "-A", "pointsman", "worker", "-Q", f"llm.{model}", "-n", node)
        return self.start(*command, "--loglevel", "INFO", *more, name=f"worker-{model}", **environment)

    def sender(self, *more: str, **environment: str) -> Process:
        """Start a worker that sends webhooks."""
        command = (self.python, "-m", "pointsman", "work", "--webhooks", "-n", f"webhooks-{len(self.processes)}")
        return self.start(*command, *more, name="webhooks", **environment)

    def logs(self) -> str:
        """Return the last lines of every log, for a failing test's message."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}"
            for path in sorted(self.folder.glob("*.log"))
        )

    def kill(self) -> None:
        """Kill what still runs, by pid."""
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Live(Parts):
    """Everything that runs for one test, and the sides of Redis that a test looks at it from."""

    def __init__(self, settings: Settings, catalog: Catalog, server: SimulatedServer, folder: Path) -> None:
        super().__init__(settings, catalog, folder)
        self.server = server
        self.redis: Redis = open_redis(settings.redis_url)
        self.jobs = JobStore(self.redis, settings=settings, catalog=catalog)
        self.models = ModelStore(self.redis, settings=settings, catalog=catalog)

    async def view(self, model: str) -> ModelView:
        """Return a model's live state."""
        return next(view for view in await self.models.views() if view.name == model)

    async def until_capacity(self, **slots: int) -> None:
        """Wait until each model's workers have announced exactly so many slots; `gpt_4` stands for gpt-4."""

        async def announced() -> bool:
            found = {view.name.replace("-", "_"): view.capacity for view in await self.models.views()}
            return all(found[name] == count for name, count in slots.items())

        await eventually(announced, what=f"capacities {slots}; logs: {self.logs()}")

    async def submit(self, count: int, **fields: Any) -> list[str]:
        """Submit jobs with different prompts."""
        fields.setdefault("task_class", "general_information")
        start = fields.pop("start", 0)
        return await self.jobs.submit_many(
            [JobSpec(prompt=f"prompt {start + at}", **fields) for at in range(count)]
        )

    async def until_done(self, ids: Sequence[str], seconds: float = SECONDS_AT_MOST) -> list[JobRecord]:
        """Wait until every job has ended."""

        async def done() -> list[JobRecord]:
            records = [record for record in await self.jobs.get_many(ids) if record is not None]
            assert len(records) == len(ids), "a job is gone"
            return records if all(record.done for record in records) else []

        found: list[JobRecord] = await eventually(done, what=f"jobs done; {self.folder}", seconds=seconds)
        return found

    async def until_state(self, job_id: str, state: str) -> JobRecord:
        """Wait until a job is in a state."""

        async def there() -> JobRecord | None:
            record = await self.jobs.get(job_id)
            return record if record.state == state else None

        found: JobRecord = await eventually(there, what=f"job {state}")
        return found

    def change(self, **fields: object) -> None:
        """Change how every simulated model behaves from now on."""
        self.server.simulation = self.server.simulation.changed(SimulationChanges(default=fields))

    def in_flight(self) -> int:
        """Return how many calls the simulated server has in flight."""
        return sum(counts["in_flight"] for counts in self.server.ledger.report()["models"].values())

    async def until_calling(self, count: int) -> None:
        """Wait until so many calls are in flight."""

        async def calling() -> bool:
            return self.in_flight() >= count

        await eventually(calling, what=f"{count} calls in flight")

    def paid(self, prompt: str) -> int:
        """Return how often a prompt's answer was generated, over all models."""
        return int(self.server.ledger.report()["paid"].get(prompt_hash(prompt), 0))

    async def close(self) -> None:
        """Kill what still runs and close the connections."""
        self.kill()
        await self.redis.aclose()


@asynccontextmanager
async def running_live(
    settings: Settings, catalog: Catalog, folder: Path, simulation: Simulation | None = None
) -> AsyncIterator[Live]:
    """Yield a live Pointsman with nothing started yet but Redis and the simulated server."""
    quick = Simulation(default=SimulatedModel(base_seconds=0.1, answer_tokens=10, tokens_per_second=1000))
    async with running_server(simulation or quick) as (url, server):
        live = Live(settings, simulate(catalog, url), server, folder)
        try:
            yield live
        finally:
            await live.close()
