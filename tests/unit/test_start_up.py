"""What a process imports before it does anything: each package more costs every start of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SHOW = "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
LEARNING = {"sklearn", "scipy", "numpy"}
SERVING = {"fastapi", "starlette", "uvicorn", "flower", "tornado"}
QUEUEING = {"redis", "celery", "kombu", "billiard", "amqp"}


def imported(statement: str) -> set[str]:
    """Return the top-level packages that a fresh process has after a statement."""
    run = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{SHOW}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(run.stdout.splitlines()[-1]))


def test_the_clients_need_neither_redis_nor_celery_nor_scikit_learn() -> None:
    found = imported("from producer import AsyncClient, Client\nimport producer.errors")
    assert {"producer", "router"} <= found
    assert found & (LEARNING | SERVING | QUEUEING | {"typer", "rich"}) == set()


def test_a_client_over_http_needs_no_more_than_an_http_library() -> None:
    found = imported("from producer import Client\nClient('http://127.0.0.1:1').close()")
    assert {"httpx", "aiohttp"} <= found
    assert found & (LEARNING | SERVING | QUEUEING) == set()
