"""Commands that run parts: up, dispatch, work, serve, flower, demo."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from producer.api.serve import serve as serve_api
from router.catalog import load_catalog
from router.dispatcher import Dispatcher
from router.errors import ConfigError, StoreUnavailable
from router.redis_url import read_redis_url
from router.settings import Settings, load_settings
from router.store import open_redis, server_warnings
from workers.api_keys import environment, read_api_keys

from .demo import run_demo
from .logs import log_to_console, log_to_stderr
from .parts import flower_command, worker_command
from .tables import console_for_tables
from .up import Plan, Running, running, stop_on_signals

ModelsFile = Annotated[
    Path | None, typer.Option("--models", help="The models file; default: POINTSMAN_MODELS_FILE, else models.yaml.")
]

log = logging.getLogger("pointsman")

DEFAULT_REDIS_PORT = 6379
DEFAULT_REDIS_URL = f"redis://127.0.0.1:{DEFAULT_REDIS_PORT}/0"
"""Where every command looks for Redis unless told otherwise; `up` puts its own there where the port is free."""


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Stay up until Ctrl-C.")] = False,
    real: Annotated[bool, typer.Option("--real", help="Call the real models; needs their API keys.")] = False,
) -> None:
    """Run sixty jobs over three models on this machine, with a simulated LLM server: no key and no Redis needed."""
    settings, console = load_settings(), console_for_tables()
    log_to_console("WARNING", console)
    try:
        status = asyncio.run(run_demo(settings, console, keep=keep, real=real))
    except asyncio.CancelledError:
        status = 0 if keep else 130
    raise typer.Exit(status)


def up(
    models: ModelsFile = None,
    model: Annotated[list[str] | None, typer.Option(help="Start workers for this model only; repeatable.")] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Send every call to a simulated LLM server.")
    ] = False,
    embedded_redis: Annotated[
        bool | None,
        typer.Option(
            "--embedded-redis/--no-embedded-redis", help="Default: embedded unless POINTSMAN_REDIS_URL is set."
        ),
    ] = None,
    data: Annotated[Path, typer.Option(help="Folder of the embedded Redis's data.")] = Path(".pointsman"),
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print what the parts say, instead of into log files.")
    ] = False,
    with_flower: Annotated[bool, typer.Option("--flower/--no-flower", help="Run Flower too.")] = True,
) -> None:
    """Run all parts in one process tree: Redis, dispatcher, a worker per model, API, Flower."""
    settings = load_settings(models_file=models)
    log_to_stderr(settings.log_level)
    embedded = "redis_url" not in settings.model_fields_set if embedded_redis is None else embedded_redis
    # what is simulated never meets what is real: jobs left over from a trial must not be sent to a vendor, and paid
    folder = data.resolve() / ("simulated" if simulate else "real")
    logs = None if verbose else folder / "logs"
    (logs or folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    plan = Plan(
        settings=settings, folder=folder, logs=logs, redis_port=DEFAULT_REDIS_PORT, models=model or (),
        embedded_redis=embedded, simulated=simulate, flower=with_flower,
    )  # fmt: skip
    try:
        asyncio.run(_stay_up(plan))
    except asyncio.CancelledError:
        log.info("everything has stopped")


async def _stay_up(plan: Plan) -> None:
    stop_on_signals()
    console = Console(stderr=True)
    async with running(plan, log.info) as found:
        console.print(_where_things_are(found, plan), soft_wrap=True, highlight=False)
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


def dispatch(models: ModelsFile = None) -> None:
    """Run a dispatcher: it binds waiting jobs to models. Run as many as you like."""
    settings = load_settings(models_file=models)
    log_to_stderr(settings.log_level)
    dispatcher_ends = asyncio.run(_dispatch(settings))
    log.info("%s", dispatcher_ends)


async def _dispatch(settings: Settings) -> str:
    stop_on_signals()
    redis = open_redis(settings.redis_url)
    dispatcher = Dispatcher(redis, settings=settings, catalog=load_catalog(settings.models_file))
    try:
        log.info("dispatching; Redis at %s", read_redis_url(settings.redis_url))
        with suppress(StoreUnavailable):  # the dispatcher says so itself, and waits
            for warning in await server_warnings(redis):
                log.warning("Redis: %s", warning)
        await dispatcher.run()
    except asyncio.CancelledError:
        return f"the dispatcher has stopped; it bound {dispatcher.bound} jobs"
    finally:
        await redis.aclose()
    return "the dispatcher has ended"


def work(
    model: Annotated[list[str], typer.Option(help="Serve this model; repeatable: the slots are shared evenly.")],
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", "-c", min=1, help="Calls in flight; default: from models.yaml.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", "-n", help="Name of this worker in Flower.")] = None,
    models: ModelsFile = None,
) -> None:
    """Run a Celery worker for a model. A second one on the same model doubles its slots."""
    settings = load_settings(models_file=models)
    catalog = load_catalog(settings.models_file)
    for wanted in model:
        if wanted not in catalog.models:
            known = ", ".join(catalog.models)
            raise ConfigError(f"no model is called {wanted!r} (there are: {known})", field="--model")
    read_api_keys([catalog.models[wanted] for wanted in model], environment())
    os.environ["POINTSMAN_MODELS_FILE"] = str(settings.models_file)
    unique = name or f"{'+'.join(model)}-{os.getpid()}"
    command = worker_command(model, concurrency=concurrency, name=unique, log_level=settings.log_level)
    os.execv(command[0], command)


def serve(
    models: ModelsFile = None,
    host: Annotated[str | None, typer.Option(help="Address; default: POINTSMAN_API_HOST, else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; default: POINTSMAN_API_PORT, else 8300.")] = None,
) -> None:
    """Run the producer API. On any address but loopback it needs POINTSMAN_API_KEYS."""
    settings = load_settings(models_file=models, api_host=host, api_port=port)
    log_to_stderr(settings.log_level)
    asyncio.run(serve_api(settings, load_catalog(settings.models_file)))


def flower() -> None:
    """Run Flower, Celery's monitor: workers, queues, and every attempt by job id."""
    command, secrets = flower_command(load_settings())
    os.environ.update(secrets)
    os.execv(command[0], command)
