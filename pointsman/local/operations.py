"""What operators do next to Redis: see whether a part of this host is alive, pause a model, resume it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from pointsman.router.config.settings import load_settings
from pointsman.router.routing.catalog import Catalog, load_catalog
from pointsman.router.routing.stranded import Destination, Origin
from pointsman.router.store import DeliveryQueue, LaneStore, ModelStore, ask_to_reload, open_redis
from pointsman.router.vocabulary.errors import ConfigError

Value = TypeVar("Value")


def part_is_alive(part: str) -> bool:
    """Whether a dispatcher, a worker or a sender of webhooks of this host announced itself lately."""
    return asyncio.run(_with_models(HERE[part]))


def pause_model(model: str, reason: str) -> None:
    """Bind nothing more to a model; raises ConfigError where there is none of this name."""

    async def pause(models: ModelStore, catalog: Catalog) -> None:
        _check_known(model, catalog)
        await models.pause(model, reason)

    asyncio.run(_with_models(pause))


def resume_model(model: str) -> None:
    """Bind to a model again; raises ConfigError where there is none of this name."""

    async def resume(models: ModelStore, catalog: Catalog) -> None:
        _check_known(model, catalog)
        await models.resume(model)

    asyncio.run(_with_models(resume))


def reload_all() -> str:
    """Ask every part to take the models file; returns its version. Raises ConfigError where it is wrong."""

    async def ask(models: ModelStore, catalog: Catalog) -> str:
        await ask_to_reload(models.redis, models.settings)
        return catalog.version

    return asyncio.run(_with_models(ask))


def move_jobs(origin: Origin, to: Destination) -> int:
    """Let waiting jobs name another class or model; raises ConfigError where that does not exist."""

    async def move(models: ModelStore, catalog: Catalog) -> int:
        if to.model is not None and to.model not in catalog.aliases:
            _check_known(to.model, catalog)
        if to.task_class is not None and to.task_class not in catalog.task_classes:
            known = ", ".join(catalog.task_classes)
            raise ConfigError(f"no task class is called {to.task_class!r} (there are: {known})")
        return await LaneStore(models.redis, settings=models.settings).move(origin, to)

    return asyncio.run(_with_models(move))


def _check_known(model: str, catalog: Catalog) -> None:
    if model not in catalog.models:
        raise ConfigError(f"no model is called {model!r} (there are: {', '.join(catalog.models)})")


async def _with_models(use: Callable[[ModelStore, Catalog], Awaitable[Value]]) -> Value:
    settings = load_settings()
    catalog = load_catalog(settings.models_file)
    redis = open_redis(settings.redis_url)
    try:
        return await use(ModelStore(redis, settings=settings, catalog=catalog), catalog)
    finally:
        await redis.aclose()


async def _dispatcher_here(models: ModelStore, _: Catalog) -> bool:
    return any(name.startswith(f"{socket.gethostname()}:") for name in await models.live_dispatchers())


async def _worker_here(models: ModelStore, catalog: Catalog) -> bool:
    mark = f"@{socket.gethostname()}:"
    for model in catalog.models:
        if any(mark in name for name in await models.live_workers(model)):
            return True
    return False


async def _sender_here(models: ModelStore, _: Catalog) -> bool:
    mark = f"@{socket.gethostname()}:"
    senders = await DeliveryQueue(models.redis, settings=models.settings).live_senders()
    return any(mark in name for name in senders)


HERE: Mapping[str, Callable[[ModelStore, Catalog], Awaitable[bool]]] = {
    "dispatcher": _dispatcher_here,
    "worker": _worker_here,
    "webhooks": _sender_here,
}
