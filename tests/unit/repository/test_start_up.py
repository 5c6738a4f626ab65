"""What a process imports before it does anything: each package more costs every start of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.support.checkout import ROOT

SHOW = """
import json, sys
packages = {name if name.startswith("pointsman.") else name.partition(".")[0] for name in sys.modules}
print(json.dumps(sorted({".".join(name.split(".")[:2]) for name in packages})))
"""
LEARNING = {"sklearn", "scipy", "numpy"}
SERVING = {"fastapi", "starlette", "uvicorn", "flower", "tornado"}
QUEUEING = {"redis", "celery", "kombu", "billiard", "amqp"}
WORKING = {"pydantic", "pydantic_settings", "httpx", "aiohttp", "yaml", "pointsman.producer", "pointsman.workers"}


def imported(statement: str, **environment: str) -> set[str]:
    """Return the top-level packages that a fresh process has after a statement; of ours, the packages below."""
    run = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{SHOW}"],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return set(json.loads(run.stdout.splitlines()[-1]))


def command(*arguments: str) -> str:
    """Return the statement that runs a command of ours and goes on after it."""
    return (
        f"import sys; sys.argv = {['pointsman', *arguments]}\n"
        "import contextlib, pointsman.cli.app\nwith contextlib.suppress(SystemExit): pointsman.cli.app.main()"
    )


def test_the_clients_need_neither_redis_nor_celery_nor_scikit_learn() -> None:
    found = imported("from pointsman import AsyncClient, Client\nimport pointsman.producer.errors")
    assert {"pointsman.producer", "pointsman.router"} <= found
    assert found & (LEARNING | SERVING | QUEUEING | {"typer", "rich"}) == set()


def test_a_client_over_http_needs_no_more_than_an_http_library() -> None:
    found = imported("from pointsman import Client\nClient('http://127.0.0.1:1').close()")
    assert {"httpx", "aiohttp"} <= found
    assert found & (LEARNING | SERVING | QUEUEING) == set()


def test_the_commands_are_declared_without_what_carries_them_out() -> None:
    found = imported("import pointsman.cli.app")
    assert {"pointsman", "typer"} <= found
    assert found & (LEARNING | SERVING | QUEUEING | WORKING | {"asyncio", "rich"}) == set()


def test_help_needs_nothing_but_typer_and_rich() -> None:
    found = imported(command("--help"))
    assert {"pointsman", "typer"} <= found
    assert found & (LEARNING | SERVING | QUEUEING | WORKING) == set()


@pytest.mark.parametrize("part", ["api", "flower"])
def test_a_health_check_over_http_needs_no_redis(part: str) -> None:
    found = imported(command("health", part), POINTSMAN_API_PORT="1", POINTSMAN_FLOWER_PORT="1")
    assert "pydantic_settings" in found
    assert found & (LEARNING | SERVING | QUEUEING | {"httpx", "aiohttp", "yaml"}) == set()


def test_a_worker_needs_neither_the_api_nor_the_command_line_nor_scikit_learn() -> None:
    found = imported(
        "import pointsman.workers.command, pointsman.workers.pool, pointsman.workers.consumer, celery.apps.worker"
    )
    assert {"celery", "redis", "httpx", "pointsman.workers"} <= found
    assert (
        found & (LEARNING | SERVING | {"typer", "pointsman.producer", "pointsman.cli", "pointsman.local"}) == set()
    )


def test_a_dispatcher_needs_neither_the_api_nor_the_workers_nor_scikit_learn() -> None:
    found = imported("import pointsman.local.dispatcher")
    assert {"redis", "pointsman.router"} <= found
    assert found & (LEARNING | SERVING | {"pointsman.producer", "pointsman.workers", "httpx", "aiohttp"}) == set()
