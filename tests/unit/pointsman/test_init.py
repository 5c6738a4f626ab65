"""What a program that uses Pointsman gets: it imports on every system, and a type checker sees its types."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ON_WINDOWS = """
import importlib, pkgutil, sys
from pathlib import Path
import aiohttp, asyncio, httpx, pydantic_settings, redis.asyncio, rich.console, typer, yaml # these know Windows
MISSING = {"fcntl", "grp", "pwd", "resource", "termios", "tty"}
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
for name in MISSING: sys.modules.pop(name, None)
sys.platform = "win32"
import pointsman, pointsman.cli.app
for name in pointsman.__all__: getattr(pointsman, name)
for package in ("pointsman.producer.client", "pointsman.cli"):
    where = importlib.import_module(package).__path__
    for module in pkgutil.walk_packages(where, package + "."): importlib.import_module(module.name)
pointsman.Client("http://127.0.0.1:1").close()
try:
    with importlib.import_module("pointsman.producer.file_run.journal").open_journal(Path("part"), 1): pass
except pointsman.ConfigError as error:
    print(error)
"""

MY_PROJECT = """
from pointsman import AsyncClient, Client, JobFailed
with Client("http://127.0.0.1:8300") as client:
    job_id = client.submit("Why is the sky blue?", priority=3)
    reveal_type(job_id)
    reveal_type(client.result(job_id, timeout=60).answer.text)
    client.submit("Why is the sky blue?", priority="high")
async def ask(client: AsyncClient) -> None:
    reveal_type((await client.get("a-job-id")).state)
def kind(error: JobFailed) -> str:
    return error.kind
"""


MISMATCH = 'has incompatible type "str"; expected "int"'


def _run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_client_and_commands_import_where_no_module_of_unix_is(tmp_path: Path) -> None:
    run = _run(sys.executable, "-c", ON_WINDOWS, folder=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "needs Linux or macOS" in run.stdout


def test_a_type_checker_in_a_users_project_sees_our_types(tmp_path: Path) -> None:
    tmp_path.joinpath("mine.py").write_text(MY_PROJECT, encoding="utf-8")
    run = _run(sys.executable, "-m", "mypy", "--strict", "mine.py", folder=tmp_path)
    found = [line.partition(": ")[::2] for line in run.stdout.splitlines()[:-1]]
    assert found == [
        ("mine.py:5", 'note: Revealed type is "str"'),
        ("mine.py:6", 'note: Revealed type is "str"'),
        ("mine.py:7", f'error: Argument "priority" to "submit" of "Client" {MISMATCH}  [arg-type]'),
        ("mine.py:9", 'note: Revealed type is "pointsman.router.vocabulary.job.JobState"'),
    ], run.stdout + run.stderr
