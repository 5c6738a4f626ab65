"""Every part as the first process of a container with nothing to write to: open files, and SIGTERM at once."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pointsman.local.ports import free_port
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog

FEW = 256
READ_ONLY = "/proc"
"""A working directory that takes no file, also from root."""
STARTS_SECONDS, ENDS_SECONDS = 60.0, 6.0  # on a machine that is busy with other tests

PARTS = {
    "dispatch": ["pointsman", "dispatch"],
    "work": ["pointsman", "work", "--model", "gpt-4"],
    "webhooks": ["pointsman", "work", "--webhooks"],
    "serve": ["pointsman", "serve"],
    "flower": ["pointsman", "flower"],
    "simulated": ["pointsman.simulated"],
    "up": ["pointsman", "up", "--no-flower", "--model", "gpt-4", "--data", "{data}"],
    "celery": ["celery", "-A", "pointsman", "worker", "-Q", "llm.gpt-4"],
}


@pytest.fixture
def models_file(catalog: Catalog, tmp_path: Path) -> Path:
    """The shared catalog as a file."""
    file = tmp_path / "models.yaml"
    file.write_text(yaml.safe_dump(catalog.model_dump(mode="json", exclude_none=True)))
    return file


def as_the_first_of_a_container() -> None:
    """Ignore SIGTERM, as the kernel does for the first process, and open few files by default."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, hard))


def handles_sigterm(process: subprocess.Popen[bytes]) -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) & 1 << (signal.SIGTERM - 1))


def opens_many(process: subprocess.Popen[bytes]) -> bool:
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    return f"Max open files            {FEW} " not in limits


def until(what: Callable[[subprocess.Popen[bytes]], bool], process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTS_SECONDS
    while not what(process):
        assert process.poll() is None, "it has ended by itself"
        assert time.monotonic() < until, f"not in {STARTS_SECONDS} s: {what.__name__}"
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
@pytest.mark.parametrize("ready", [handles_sigterm, opens_many])
@pytest.mark.parametrize("part", PARTS)
def test_a_part_obeys_sigterm_from_its_first_moment(
    part: str,
    ready: Callable[[subprocess.Popen[bytes]], bool],
    settings: Settings,
    models_file: Path,
    tmp_path: Path,
) -> None:
    environment = {
        "POINTSMAN_REDIS_URL": settings.redis_url,
        "POINTSMAN_KEY_PREFIX": settings.key_prefix,
        "POINTSMAN_MODELS_FILE": str(models_file),
        "POINTSMAN_API_PORT": str(free_port()),
        "POINTSMAN_FLOWER_PORT": str(free_port()),
    }
    command = [word.replace("{data}", str(tmp_path)) for word in PARTS[part]]
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=READ_ONLY, env=environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, preexec_fn=as_the_first_of_a_container,  # noqa: PLW1509 # no threads here
    )  # fmt: skip
    try:
        until(ready, process)
        process.terminate()
        process.wait(ENDS_SECONDS)
    finally:
        process.kill()
        process.wait()
