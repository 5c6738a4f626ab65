"""Commands for operators: health checks of one part, and pausing a model."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal, TypeVar

import typer

from router.catalog import load_catalog
from router.errors import ConfigError
from router.settings import load_settings
from router.store import ModelStore, open_redis

from .readiness import http_answers

Value = TypeVar("Value")

ModelName = Annotated[str, typer.Argument(help="Name of the model in models.yaml.")]


def health(
    part: Annotated[Literal["dispatcher", "worker", "api", "flower"], typer.Argument(help="The part to check.")],
) -> None:
    """Check that a part on this host works; status 1 when it does not. For health checks of containers."""
    settings = load_settings()
    if part in ("api", "flower"):
        port, path = (settings.api_port, "readyz") if part == "api" else (settings.flower_port, "healthcheck")
        healthy = asyncio.run(http_answers(f"http://127.0.0.1:{port}/{path}"))
    else:
        healthy = asyncio.run(_with_models(_dispatcher_here if part == "dispatcher" else _worker_here))
    sys.stdout.write(f"{part}: {'healthy' if healthy else 'not healthy'}\n")
    raise typer.Exit(0 if healthy else 1)


def pause(
    model: ModelName,
    reason: Annotated[str, typer.Option(help="Why, for those who look at the model.")] = "paused by an operator",
) -> None:
    """Bind nothing more to a model; its calls in flight go on. Needs POINTSMAN_REDIS_URL."""
    _check_known(model)
    asyncio.run(_with_models(lambda models: models.pause(model, reason)))
    sys.stdout.write(f"{model} is paused; resume it with: pointsman resume {model}\n")


def resume(model: ModelName) -> None:
    """Bind to a model again, whatever closed it: a pause, a used-up quota, a refused key, a wait."""
    _check_known(model)
    asyncio.run(_with_models(lambda models: models.resume(model)))
    sys.stdout.write(f"{model} is open\n")


def _check_known(model: str) -> None:
    catalog = load_catalog(load_settings().models_file)
    if model not in catalog.models:
        raise ConfigError(f"no model is called {model!r} (there are: {', '.join(catalog.models)})")


async def _with_models(use: Callable[[ModelStore], Awaitable[Value]]) -> Value:
    settings = load_settings()
    redis = open_redis(settings.redis_url)
    try:
        return await use(ModelStore(redis, settings=settings, catalog=load_catalog(settings.models_file)))
    finally:
        await redis.aclose()


async def _dispatcher_here(models: ModelStore) -> bool:
    return any(name.startswith(f"{socket.gethostname()}:") for name in await models.live_dispatchers())


async def _worker_here(models: ModelStore) -> bool:
    mark = f"@{socket.gethostname()}:"
    for view in await models.views():
        if any(mark in name for name in await models.live_workers(view.name)):
            return True
    return False
