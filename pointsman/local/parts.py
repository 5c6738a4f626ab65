"""The parts of a running Pointsman, as child processes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pointsman.router.config.settings import Settings
from pointsman.router.vocabulary.errors import ConfigError
from pointsman.router.vocabulary.model import Model

from .embedded_redis import redis_server_command
from .process_tree import ProcessSpec

POINTSMAN = [sys.executable, "-m", "pointsman"]
CALLS_MAY_TAKE_SECONDS = 25.0
"""How long a worker may finish its calls in flight before it stops them; their jobs then wait for another one."""
SETTLING_SECONDS = 5.0
"""What it may take longer until it is killed."""


def redis_part(folder: Path, port: int) -> ProcessSpec:
    """Return an embedded Redis that keeps its data in `folder`."""
    return ProcessSpec("redis", redis_server_command(folder, port), serves=True)


def dispatcher_part(environment: Mapping[str, str]) -> ProcessSpec:
    """Return a dispatcher."""
    return ProcessSpec("dispatcher", [*POINTSMAN, "dispatch"], environment, reloads=True)


def worker_part(model: Model, environment: Mapping[str, str]) -> ProcessSpec:
    """Return a worker for one model."""
    return ProcessSpec(
        f"worker-{model.name}",
        [*POINTSMAN, "work", "--model", model.name],
        environment,
        grace_seconds=CALLS_MAY_TAKE_SECONDS + SETTLING_SECONDS,
        reloads=True,
    )


def webhooks_part(settings: Settings, environment: Mapping[str, str]) -> ProcessSpec:
    """Return a worker that sends webhooks."""
    grace_seconds = settings.webhook_timeout_seconds + SETTLING_SECONDS
    return ProcessSpec(
        "webhooks", [*POINTSMAN, "work", "--webhooks"], environment, grace_seconds=grace_seconds + 5, reloads=True
    )


def api_part(environment: Mapping[str, str]) -> ProcessSpec:
    """Return the producer API."""
    return ProcessSpec("api", [*POINTSMAN, "serve"], environment, reloads=True)


def flower_part(environment: Mapping[str, str]) -> ProcessSpec:
    """Return Flower."""
    return ProcessSpec("flower", [*POINTSMAN, "flower"], environment)


def simulated_part(port: int, settings_file: Path | None = None) -> ProcessSpec:
    """Return the simulated LLM server."""
    command = [sys.executable, "-m", "pointsman.simulated", "--port", str(port)]
    if settings_file is not None:
        command += ["--settings", str(settings_file)]
    return ProcessSpec("simulated-llm", command, serves=True)


def worker_arguments(queues: Sequence[str], *, concurrency: int | None, name: str, log_level: str) -> list[str]:
    """Return the arguments of Celery's worker command for these queues."""
    arguments = ["-Q", ",".join(queues), "-n", f"{name}@%h", "--loglevel", log_level]
    return arguments + (["-c", str(concurrency)] if concurrency else [])


def flower_arguments(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """Return Flower's arguments, and what it needs in its environment: the password is not for the process list.

    Raises ConfigError when Flower would listen for others without a password.
    """
    if settings.flower_host not in ("127.0.0.1", "localhost", "::1") and not settings.flower_basic_auth:
        raise ConfigError(
            f"Flower would listen on {settings.flower_host} without a password: set user:password here",
            field="POINTSMAN_FLOWER_BASIC_AUTH",
        )
    arguments = [f"--address={settings.flower_host}", f"--port={settings.flower_port}"]
    arguments += [f"--max_tasks={settings.flower_max_tasks}"]
    secrets = {"FLOWER_BASIC_AUTH": settings.flower_basic_auth} if settings.flower_basic_auth else {}
    return arguments, secrets
