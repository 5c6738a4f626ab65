"""The demo with a real language model on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import load_catalog
from pointsman.router.vocabulary.job import JobSpec

from .. import AsyncClient
from ..local.ports import free_port
from ..local.process_tree import ProcessTree
from ..local.readiness import http_answers, until
from ..local.up import OnStep, Plan, Running
from ..simulated.catalog import write_catalog
from .acts import Act, arrivals, kill_server, kill_worker
from .local_llm import READY_SECONDS, find_weights, local_llm_part
from .show import HERE, job_specs

TOKENS = 32
"""The longest answer, so that forty of them take two cores less than a minute."""
SERVERS = {"llm-ab": ("smol-a", "smol-b"), "llm-c": ("smol-c",)}
"""Which models share a server."""
SLOTS = {"llm-ab": 3, "llm-c": 2}


class LocalShow:
    """A real language model on this machine, in two servers: one server is killed, and a worker.

    No burst is compared here: the models share the cores, so that a call takes longer the more the others do.
    """

    title = "SmolLM2-135M on this machine, 40 jobs"
    burst = 0

    def __init__(self) -> None:
        self._servers: ProcessTree | None = None

    def specs(self) -> list[JobSpec]:
        """Return the jobs, with short answers."""
        return job_specs(max_tokens=TOKENS)

    @asynccontextmanager
    async def prepared(self, settings: Settings, folder: Path, on_step: OnStep) -> AsyncIterator[Plan]:
        """Start the servers and yield a plan whose models are there."""
        find_weights()
        ports = {name: free_port() for name in SERVERS}
        models_file = folder / "local-models.yaml"
        write_local_catalog(ports, models_file)
        self._servers = ProcessTree(folder)
        try:
            on_step("loading SmolLM2-135M-Instruct (often wrong, always fluent) into two servers")
            for name, port in ports.items():
                await self._servers.start(local_llm_part(name, port, slots=SLOTS[name]))
            for name, port in ports.items():
                ready = partial(http_answers, f"http://127.0.0.1:{port}/health")
                await until(ready, what=name, seconds=READY_SECONDS, hint=f"see {folder / name}.log")
            yield Plan(
                settings=settings.model_copy(update={"models_file": models_file}), folder=folder, logs=folder
            )
        finally:
            await asyncio.shield(self._servers.stop())

    def acts(self, found: Running, client: AsyncClient) -> list[Act]:
        """Return the arrivals, and what is killed when."""
        kills = [kill_server(self._tree(), "llm-c", "smol-c"), kill_worker(found.tree, "smol-a")]
        return [*arrivals(client, self.specs()), *kills]

    def _tree(self) -> ProcessTree:
        if self._servers is None:
            raise RuntimeError("the servers are not started")
        return self._servers

    async def paid(self, found: Running) -> None:
        """Return None: the server that is killed forgets what it counted."""


def write_local_catalog(ports: Mapping[str, int], path: Path) -> None:
    """Write the models file with the ports of the servers."""
    catalog = load_catalog(HERE / "local-models.yaml")
    at = {model: ports[server] for server, models in SERVERS.items() for model in models}
    models = {
        name: model.model_copy(update={"base_url": f"http://127.0.0.1:{at[name]}/v1"})
        for name, model in catalog.models.items()
    }
    write_catalog(catalog.model_copy(update={"models": models}), path)
