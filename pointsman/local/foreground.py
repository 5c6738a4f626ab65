"""Keeps a process tree up until Ctrl-C, and prints where its parts listen."""

from __future__ import annotations

import asyncio
import logging
import shlex

from rich.console import Console

from pointsman.router.config.redis_url import read_redis_url

from .signals import reload_on_hangup, stop_on_signals
from .up import Plan, Running, reload, running

log = logging.getLogger("pointsman")

DEFAULT_REDIS_PORT = 6379
DEFAULT_REDIS_URL = f"redis://127.0.0.1:{DEFAULT_REDIS_PORT}/0"
"""Where every command looks for Redis by default; `up` puts its own there where the port is free."""


def run_in_foreground(plan: Plan) -> None:
    """Start everything, say where it is, and stop it on a signal."""
    try:
        asyncio.run(_run(plan))
    except asyncio.CancelledError:
        log.info("everything has stopped")


async def _run(plan: Plan) -> None:
    stop_on_signals()
    console = Console(stderr=True)
    async with running(plan, log.info) as found:
        console.print(_where_things_are(found, plan), soft_wrap=True, highlight=False)
        reload_on_hangup(lambda: reload(found, plan))
        await asyncio.Event().wait()


def _where_things_are(found: Running, plan: Plan) -> str:
    return f"""[bold]Pointsman is up.[/bold] Stop it with Ctrl-C.
API      {found.api_url}/docs
Flower   {found.flower_url or "not started"}
Redis    {read_redis_url(found.redis_url)}
logs     {plan.logs or "here"}
Try, in another terminal:
  pointsman submit "Why is the sky blue?" --wait --url {found.api_url}
  {_environment_of(found)}pointsman work --model {next(iter(found.catalog.models))}    (one more worker)"""


def _environment_of(found: Running) -> str:
    """Return what a command in another terminal needs in front of it to meet this process tree."""
    redis = "" if found.redis_url == DEFAULT_REDIS_URL else f"POINTSMAN_REDIS_URL={shlex.quote(found.redis_url)} "
    return redis + (f"POINTSMAN_MODELS_FILE={found.models_file} " if found.simulated_url else "")
