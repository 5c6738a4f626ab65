"""A project that has packages `workers`, `router` and `producer` of its own, and a Celery app on the same Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from pointsman.local.ports import free_port
from pointsman.local.readiness import http_answers
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from tests.support.installed import install
from tests.support.live import Live, eventually, running_live

THEIR_APP = """
from celery import Celery
app = Celery("theirs", broker="{url}", backend="{url}")
app.conf.broker_connection_retry_on_startup = True
@app.task(acks_late=True)
def add(a, b):
    return a + b
"""

THEIR_PROGRAM = """
import json, sys
import json, producer, router, workers.app as their_app
from pointsman import Client
sums = [their_app.add.delay(n, 1) for n in range(5)]
answers = {}
for url, options in json.loads(sys.argv[1]):
    with Client(url, **options) as client:
        ids = client.submit_many([f"prompt {n}" for n in range(5)], model="gpt-4")
        answers[url] = [client.result(job_id, timeout=40).model for job_id in ids]
found = {"sums": [one.get(timeout=40) for one in sums], "answers": list(answers.values())}
print(json.dumps(found | {"theirs": [producer.__file__, router.__file__]}))
"""


def _make_project(folder: Path, redis_url: str) -> None:
    """Write packages of the three names; each one has what a stranger's has: nothing that we know."""
    for name in ("workers", "router", "producer"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").touch()
    (folder / "workers" / "app.py").write_text(THEIR_APP.format(url=redis_url), encoding="utf-8")
    (folder / "program.py").write_text(THEIR_PROGRAM, encoding="utf-8")


@pytest_asyncio.fixture
async def project(settings: Settings, catalog: Catalog, tmp_path: Path) -> AsyncIterator[Live]:
    """All our parts and their worker, in their folder, in one database without any prefix."""
    own_database = settings.redis_url.rpartition("/")[0] + "/9"
    installed = install(tmp_path)
    _make_project(installed.folder, own_database)
    shared = settings.model_copy(update={"redis_url": own_database, "key_prefix": "", "api_port": free_port()})
    async with running_live(shared, catalog, tmp_path) as live:
        live.python, live.works_in = str(installed.python), installed.folder
        theirs = ["-m", "celery", "-A", "workers.app", "worker", "-P", "solo", "-n", "theirs@test"]
        live.start(live.python, *theirs, name="theirs")
        live.api(), live.dispatcher(), live.worker("gpt-4")
        await eventually(lambda: http_answers(f"http://127.0.0.1:{shared.api_port}/readyz"), what="the API")
        yield live
        await live.redis.flushdb()


async def test_their_packages_and_tasks_work_on_beside_ours(project: Live) -> None:
    api, redis_url = f"http://127.0.0.1:{project.settings.api_port}", project.settings.redis_url
    doors = [(api, {}), (redis_url, {"models_file": str(project.models_file)})]
    status, output = await _ended(project, "program.py", json.dumps(doors))
    assert status == 0, f"{output}\n{project.logs()}"
    found = json.loads(output.splitlines()[-1])
    assert found["sums"] == [1, 2, 3, 4, 5]
    assert found["answers"] == [["gpt-4"] * 5] * 2
    assert all(file.startswith(str(project.works_in)) for file in found["theirs"])
    for app in ("pointsman", "workers.app"):
        status, output = await _ended(project, "-m", "celery", "-A", app, "inspect", "ping")
        assert (status, "theirs@test: OK" in output, "2 nodes online" in output) == (0, True, True), output
    assert await project.redis.exists("unacked", "celery", "llm.gpt-4") == 0  # nothing is left of either


async def _ended(project: Live, *arguments: str) -> tuple[int, str]:
    """Run a command of the project to its end; returns status and output."""
    process = project.start(project.python, *arguments, name="command")
    status = await asyncio.to_thread(process.wait, 60)
    output = max(project.folder.glob("command-*.log"), key=lambda path: int(path.stem.rpartition("-")[2]))
    return status, output.read_text(encoding="utf-8")
