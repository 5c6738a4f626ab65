"""All parts in one process tree, from one configuration file."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pointsman.producer.api.serve import check_exposure
from pointsman.router.config.redis_url import read_redis_url
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog, load_catalog
from pointsman.router.routing.classify import check_classifier
from pointsman.router.runtime.addresses import url_of
from pointsman.router.store import ModelStore, check_server, open_redis
from pointsman.router.vocabulary.errors import ConfigError
from pointsman.router.vocabulary.model import Model
from pointsman.workers.api_keys import environment, read_api_keys

from ..simulated.catalog import simulate, write_catalog
from .folder_lock import lock_folder
from .parts import (
    CALLS_MAY_TAKE_SECONDS,
    api_part,
    dispatcher_part,
    flower_arguments,
    flower_part,
    redis_part,
    simulated_part,
    webhooks_part,
    worker_part,
)
from .ports import check_free, free_port, is_free
from .process_tree import ProcessSpec, ProcessTree
from .readiness import http_answers, redis_answers, until

log = logging.getLogger("pointsman.local.up")

OnStep = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What `up` starts: in which folder, from which settings, with which models, and how.

    `logs` is the folder of the parts' log files; None leaves their output where ours goes. `redis_port` is where
    the embedded Redis goes if the port is free.
    """

    settings: Settings
    folder: Path
    logs: Path | None
    models: Sequence[str] = ()
    embedded_redis: bool = True
    redis_port: int | None = None
    simulated: bool = False
    simulation_file: Path | None = None
    flower: bool = True


@dataclass(frozen=True)
class Running:
    """A running tree: where its parts listen."""

    tree: ProcessTree
    catalog: Catalog
    models_file: Path
    redis_url: str
    api_url: str
    flower_url: str | None
    simulated_url: str | None


@asynccontextmanager
async def running(plan: Plan, on_step: OnStep) -> AsyncIterator[Running]:
    """Start every part, yield when all are ready, and stop every part on the way out, whatever happens.

    Raises ConfigError when the configuration is wrong, a key is missing, a port is taken or a part does not start.
    """
    settings = plan.settings
    catalog = load_catalog(settings.models_file)
    check_classifier(catalog)
    chosen = _chosen(plan, catalog)
    if not plan.simulated:
        read_api_keys(
            [catalog.models[name] for name in chosen],
            environment(),
            hint="choose other models with --model, or use the simulated LLM server with --simulate",
        )
    _check_addresses(plan)
    tree = ProcessTree(plan.logs)
    lock = lock_folder(plan.folder) if plan.embedded_redis else None
    try:
        redis_url = await _start_redis(plan, tree, on_step)
        simulated_url = await _start_simulated(plan, tree, on_step) if plan.simulated else None
        models_file = settings.models_file.resolve()
        if simulated_url is not None:
            catalog, models_file = simulate(catalog, simulated_url), plan.folder / "simulated-models.yaml"
            write_catalog(catalog, models_file)
        own = _environment(settings, redis_url, models_file)
        for part in _parts(plan, [catalog.models[name] for name in chosen], own):
            await tree.start(part)
        api_url = url_of(settings.api_host, settings.api_port)
        flower_url = url_of(settings.flower_host, settings.flower_port) if plan.flower else None
        found = Running(tree, catalog, models_file, redis_url, api_url, flower_url, simulated_url)
        await _until_ready(found, plan, chosen, on_step)
        yield found
    finally:
        await asyncio.shield(tree.stop())
        if lock is not None:
            lock.close()


async def reload(found: Running, plan: Plan) -> None:
    """Have every part take a changed models file; where it is wrong, say why and change nothing."""
    try:
        catalog = load_catalog(plan.settings.models_file)
    except ConfigError as error:
        log.error("nothing has changed: %s", error)
        return
    if found.simulated_url is not None:
        write_catalog(simulate(catalog, found.simulated_url), found.models_file)
    for name in catalog.models.keys() - set(plan.models or found.catalog.models):
        log.warning("no worker here serves %s: run `pointsman work --model %s`, or start `up` again", name, name)
    found.tree.hang_up()


def _parts(plan: Plan, models: Sequence[Model], own: Mapping[str, str]) -> list[ProcessSpec]:
    """Return what runs beside Redis and the simulated server; webhooks are sent where they can be signed."""
    settings = plan.settings
    parts = [dispatcher_part(own), *(worker_part(model, own) for model in models), api_part(own)]
    if settings.webhook_secrets or settings.webhooks:
        parts.append(webhooks_part(settings, own))
    return [*parts, flower_part(own)] if plan.flower else parts


def _chosen(plan: Plan, catalog: Catalog) -> list[str]:
    unknown = [name for name in plan.models if name not in catalog.models]
    if unknown:
        known = ", ".join(catalog.models)
        raise ConfigError(f"no model is called {unknown[0]!r} (there are: {known})", field="--model")
    return list(plan.models) or list(catalog.models)


def _check_addresses(plan: Plan) -> None:
    settings = plan.settings
    check_exposure(settings)
    check_free(settings.api_host, settings.api_port, what="the API", setting="POINTSMAN_API_PORT")
    if plan.flower:
        flower_arguments(settings)
        check_free(settings.flower_host, settings.flower_port, what="Flower", setting="POINTSMAN_FLOWER_PORT")


async def _start_redis(plan: Plan, tree: ProcessTree, on_step: OnStep) -> str:
    url = plan.settings.redis_url
    hint = f"is it running at {read_redis_url(url)}? Set POINTSMAN_REDIS_URL, or pass --embedded-redis"
    if plan.embedded_redis:
        port = plan.redis_port if plan.redis_port and is_free("127.0.0.1", plan.redis_port) else free_port()
        url, hint = f"redis://127.0.0.1:{port}/0", f"see the log in {plan.logs or 'the output above'}"
        on_step("starting an embedded Redis")
        await tree.start(redis_part(plan.folder, port))
    await until(lambda: redis_answers(url), what="Redis", seconds=15, hint=hint)
    client = open_redis(url)
    try:
        for warning in await check_server(client, plan.settings):
            log.warning("Redis: %s", warning)
    finally:
        await client.aclose()
    return url


async def _start_simulated(plan: Plan, tree: ProcessTree, on_step: OnStep) -> str:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    on_step("starting the simulated LLM server: no call leaves this machine")
    await tree.start(simulated_part(port, plan.simulation_file))
    await until(
        lambda: http_answers(f"{url}/healthz"), what="the simulated LLM server", seconds=15, hint="see its log"
    )
    return url


def _environment(settings: Settings, redis_url: str, models_file: Path) -> dict[str, str]:
    """Return the environment of the parts: our settings, as they are in force here."""
    grace_seconds = min(CALLS_MAY_TAKE_SECONDS, settings.grace_seconds or CALLS_MAY_TAKE_SECONDS)
    own = {"redis_url": redis_url, "models_file": models_file, "grace_seconds": grace_seconds}
    return settings.model_copy(update=own).as_environment()


async def _until_ready(found: Running, plan: Plan, chosen: list[str], on_step: OnStep) -> None:
    where = f"see the logs in {plan.logs}" if plan.logs else "see the output above"
    on_step("waiting for the API, the workers" + (" and Flower" if found.flower_url else ""))
    await until(lambda: http_answers(f"{found.api_url}/readyz"), what="the API", seconds=60, hint=where)
    redis = open_redis(found.redis_url)
    models = ModelStore(redis, settings=plan.settings, catalog=found.catalog)
    try:
        for name in chosen:
            ready = partial(_has_worker, models, name)
            await until(ready, what=f"the worker of {name}", seconds=60, hint=where)
    finally:
        await redis.aclose()
    if found.flower_url is not None:
        flower_url = found.flower_url
        await until(lambda: http_answers(flower_url), what="Flower", seconds=60, hint=where)


async def _has_worker(models: ModelStore, name: str) -> bool:
    return any(view.name == name and view.workers for view in await models.views())
