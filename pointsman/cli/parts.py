"""Commands that run parts: up, dispatch, work, serve, flower, demo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pointsman.router.vocabulary.errors import ConfigError

ModelsFile = Annotated[
    Path | None, typer.Option("--models", help="The models file; default: POINTSMAN_MODELS_FILE, else models.yaml.")
]


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Stay up until Ctrl-C.")] = False,
    llm: Annotated[
        str,
        typer.Option(
            help="simulated; local: a real language model on this machine; real: the vendors', with your API keys."
        ),
    ] = "simulated",
) -> None:
    """Run forty jobs over three models, while one breaks and a worker is killed: no key and no Redis needed."""
    import asyncio

    from pointsman.router.config.settings import load_settings

    from ..demo import Llm, run_demo
    from ..local.logs import log_to_console
    from .output.tables import console_for_tables

    settings, console = load_settings(), console_for_tables()
    log_to_console("WARNING", console)
    if llm not in set(Llm):
        raise ConfigError(f"give one of {', '.join(Llm)}, and not {llm!r}", field="--llm")
    try:
        status = asyncio.run(run_demo(settings, console, keep=keep, llm=Llm(llm)))
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
    from pointsman.router.config.settings import load_settings

    from ..local.foreground import DEFAULT_REDIS_PORT, run_in_foreground
    from ..local.logs import log_to_stderr
    from ..local.up import Plan
    from ..starter import with_simulated_models

    settings = load_settings(models_file=models)
    log_to_stderr(settings.log_level)
    settings = with_simulated_models(settings) if simulate else settings
    embedded = "redis_url" not in settings.model_fields_set if embedded_redis is None else embedded_redis
    # what is simulated never meets what is real: jobs left over from a trial must not be sent to a vendor, and paid
    folder = data.resolve() / ("simulated" if simulate else "real")
    logs = None if verbose else folder / "logs"
    _make_folder(logs or folder)
    plan = Plan(
        settings=settings, folder=folder, logs=logs, redis_port=DEFAULT_REDIS_PORT, models=model or (),
        embedded_redis=embedded, simulated=simulate, flower=with_flower,
    )  # fmt: skip
    run_in_foreground(plan)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be made ({error.strerror}): name a folder that can be written to", field="--data"
        ) from error


def dispatch(models: ModelsFile = None) -> None:
    """Run a dispatcher: it binds waiting jobs to models. Run as many as you like."""
    from pointsman.router.config.settings import load_settings

    from ..local.dispatcher import dispatch as dispatch_jobs
    from ..local.logs import log_to_stderr

    settings = load_settings(models_file=models)
    log_to_stderr(settings.log_level)
    dispatch_jobs(settings)


def work(
    model: Annotated[
        list[str] | None, typer.Option(help="Serve this model; repeatable: each has slots of its own.")
    ] = None,
    webhooks: Annotated[
        bool, typer.Option("--webhooks", help="Send webhooks instead: a receiver must hold no model's slot.")
    ] = False,
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", "-c", min=1, help="Calls in flight; default: from models.yaml and settings."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", "-n", help="Name of this worker in Flower.")] = None,
    models: ModelsFile = None,
) -> None:
    """Run a Celery worker for a model, or for the webhooks. A second one on the same model doubles its slots."""
    from pointsman.router.config.settings import load_settings
    from pointsman.workers.command import run_worker

    from ..local.parts import worker_arguments
    from ..local.work_queues import work_queues

    if bool(model) == webhooks:
        raise ConfigError("give either the models to serve (--model), or --webhooks")
    settings = load_settings(models_file=models)
    queues = work_queues(settings, model or ())
    os.environ["POINTSMAN_MODELS_FILE"] = str(settings.models_file)
    unique = name or f"{'+'.join(model or ('webhooks',))}-{os.getpid()}"
    # in this process: to become another one would start Python, and read the catalog, a second time
    run_worker(worker_arguments(queues, concurrency=concurrency, name=unique, log_level=settings.log_level))


def serve(
    models: ModelsFile = None,
    host: Annotated[str | None, typer.Option(help="Address; default: POINTSMAN_API_HOST, else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; default: POINTSMAN_API_PORT, else 8300.")] = None,
) -> None:
    """Run the producer API. On any address but loopback it needs POINTSMAN_API_KEYS."""
    import asyncio

    from pointsman.producer.api.serve import serve as serve_api
    from pointsman.router.config.settings import load_settings
    from pointsman.router.routing.catalog import load_catalog

    from ..local.logs import log_to_stderr

    settings = load_settings(models_file=models, api_host=host, api_port=port)
    log_to_stderr(settings.log_level)
    asyncio.run(serve_api(settings, load_catalog(settings.models_file)))


def flower(
    max_tasks: Annotated[
        int | None,
        typer.Option(
            "--max-tasks",
            min=1,
            help="Attempts that it remembers; default: POINTSMAN_FLOWER_MAX_TASKS, else 10000.",
        ),
    ] = None,
) -> None:
    """Run Flower, Celery's monitor: workers, queues, and every attempt by job id."""
    import asyncio

    from celery.bin.celery import celery

    from pointsman.router.config.settings import load_settings
    from pointsman.router.store import check_before_start

    from ..local.parts import flower_arguments

    settings = load_settings(flower_max_tasks=max_tasks)
    arguments, secrets = flower_arguments(settings)
    asyncio.run(check_before_start(settings))
    os.environ.update(secrets)
    # in this process: another one would not obey SIGTERM until it has imported Flower
    celery.main(["-A", "pointsman", "flower", *arguments], prog_name="celery")
