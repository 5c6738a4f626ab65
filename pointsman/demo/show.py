"""What a demo consists of, with simulated models or the vendors' own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pointsman.router.config.settings import Settings
from pointsman.router.runtime.http import open_client
from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.job import JobSpec

from .. import AsyncClient
from ..local.up import OnStep, Plan, Running
from .acts import BURST, Act, arrivals, kill_worker, simulated_troubles, slow_burst
from .prompts import PROMPTS

HERE = Path(__file__).parent


class Llm(StrEnum):
    """Which models answer the demo's jobs."""

    SIMULATED = "simulated"
    LOCAL = "local"
    REAL = "real"


class Show(Protocol):
    """One kind of demo."""

    title: str
    burst: int

    def specs(self) -> list[JobSpec]:
        """Return the jobs, the last `burst` of which come at once."""

    def prepared(self, settings: Settings, folder: Path, on_step: OnStep) -> AbstractAsyncContextManager[Plan]:
        """Start what must be there before all else, and yield what to start then."""

    def acts(self, found: Running, client: AsyncClient) -> list[Act]:
        """Return what is to happen."""

    async def paid(self, found: Running) -> Mapping[str, int] | None:
        """Return how often each prompt was paid, by its hash; None where nobody counts."""


class SimulatedShow:
    """Simulated models: one breaks, a worker is killed, one turns slow; a ledger counts each call."""

    title = "3 simulated models, 40 jobs"
    burst = BURST

    def specs(self) -> list[JobSpec]:
        """Return the jobs."""
        return job_specs()

    @asynccontextmanager
    async def prepared(self, settings: Settings, folder: Path, on_step: OnStep) -> AsyncIterator[Plan]:
        """Yield a plan with the simulated server in it."""
        settings = settings.model_copy(update={"models_file": HERE / "models.yaml"})
        yield Plan(
            settings=settings, folder=folder, logs=folder, simulated=True, simulation_file=HERE / "simulation.yaml"
        )

    def acts(self, found: Running, client: AsyncClient) -> list[Act]:
        """Return the whole story."""
        url, specs = str(found.simulated_url), self.specs()
        first, burst = specs[: -self.burst], specs[-self.burst :]
        troubles = [*simulated_troubles(url), kill_worker(found.tree, "claude"), slow_burst(url, client, burst)]
        return [*arrivals(client, first), *troubles]

    async def paid(self, found: Running) -> Mapping[str, int] | None:
        """Return what the simulated server wrote down."""
        async with open_client() as http:
            ledger: Mapping[str, int] = (await http.get(f"{found.simulated_url}/stats")).json()["paid"]
        return ledger


class RealShow(SimulatedShow):
    """The vendors' own models: nothing is broken or killed, since that would cost money."""

    title = "3 models of their vendors, 40 jobs"
    burst = 0

    @asynccontextmanager
    async def prepared(self, settings: Settings, folder: Path, on_step: OnStep) -> AsyncIterator[Plan]:
        """Yield a plan with the models of models.yaml as they are."""
        settings = settings.model_copy(update={"models_file": HERE / "models.yaml"})
        yield Plan(settings=settings, folder=folder, logs=folder)

    def acts(self, found: Running, client: AsyncClient) -> list[Act]:
        """Return the arrivals alone."""
        return list(arrivals(client, self.specs()))

    async def paid(self, found: Running) -> None:
        """Return None: only the vendors know."""


def job_specs(*, max_tokens: int | None = None) -> list[JobSpec]:
    """Return the demo's jobs in the order in which they come."""
    if max_tokens is None:
        return [JobSpec(prompt=prompt, task_class=task_class) for task_class, prompt in PROMPTS]
    return [
        JobSpec(
            request=ChatRequest.model_validate(
                {"messages": [{"role": "user", "content": prompt}], "max_tokens": max_tokens}
            ),
            task_class=task_class,
        )
        for task_class, prompt in PROMPTS
    ]
