"""A wheel in an empty folder, without a checkout: what works there, and what says how to begin."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pointsman.local.ports import free_port
from pointsman.local.readiness import http_answers
from tests.support.installed import Installed, environment, install
from tests.support.live import eventually


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment with our wheel."""
    return install(tmp_path_factory.mktemp("wheel"))


@pytest.mark.parametrize(
    "command",
    [
        "-m pointsman work --model gpt-4",
        "-m pointsman serve",
        "-m pointsman dispatch",
        "-m pointsman classify hello",
        "-m celery -A pointsman inspect ping",
    ],
)
def test_what_needs_models_says_how_to_get_them(installed: Installed, tmp_path: Path, command: str) -> None:
    run = installed.run(*command.split(), folder=tmp_path)
    assert run.returncode == 2, run.stderr
    assert "models.yaml: the file does not exist; `pointsman init` writes one" in run.stderr
    assert "Traceback" not in run.stderr


def test_init_makes_a_folder_that_is_right(installed: Installed, tmp_path: Path) -> None:
    run = installed.run("-m", "pointsman", "init", folder=tmp_path, OPENAI_API_KEY="a-key")
    assert run.returncode == 0, run.stderr
    assert "found  OPENAI_API_KEY, for gpt-4" in run.stdout
    assert "pointsman up " in run.stdout
    check = installed.run("-m", "pointsman", "models", "--check", folder=tmp_path)
    assert re.match(r"models.yaml: \d+ models, 4 classes", check.stdout), check.stderr


async def test_up_simulates_without_a_file_beside_packages_of_others(installed: Installed, tmp_path: Path) -> None:
    for name in ("workers", "router", "producer"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('a package of somebody else')")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with _up(installed, tmp_path, port) as up:
        await eventually(lambda: http_answers(f"{url}/readyz"), what="up")
        ask = installed.run("-m", "pointsman", "submit", "Hello", "--wait", "--url", url, folder=tmp_path)
        assert (ask.returncode, "simulated" in ask.stdout) == (0, True), ask.stdout + ask.stderr
        up.send_signal(signal.SIGTERM)
        assert up.wait(40) == 0
    assert "starting it again" not in _said(tmp_path)
    assert not (tmp_path / "models.yaml").exists()


@contextmanager
def _up(installed: Installed, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "up.log").open("wb") as output:
        process = subprocess.Popen(
            [installed.python, "-m", "pointsman", "up", "--simulate", "--no-flower", "--model", "gpt-4"],
            cwd=folder, env=environment(POINTSMAN_API_PORT=str(port)), stdout=output, stderr=output,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _said(folder: Path) -> str:
    return (folder / "up.log").read_text(encoding="utf-8")
