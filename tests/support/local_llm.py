"""What the tests with a real language model share: its server, and a Pointsman around it."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from pointsman.demo.local_llm import CONTEXT_WINDOW
from pointsman.local.ports import free_port
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from tests.support.checkout import ROOT
from tests.support.live import Parts

READY_SECONDS = 120.0


class LocalServer:
    """A llama.cpp server of our own, and what it says of itself."""

    def __init__(self, folder: Path, *, slots: int) -> None:
        self._http = plain_client()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / f"llm-{port}.log"
        command = [sys.executable, "-m", "pointsman.demo.local_llm", "--port", str(port), "--slots", str(slots)]
        environment = os.environ | {"OMP_WAIT_POLICY": "passive"}
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
            )

    def kill(self) -> None:
        """Kill it, as kill -9 does."""
        self._http.close()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def until_ready(self) -> None:
        """Return once it answers."""
        until(
            lambda: answers(self._http, f"{self.url}/health"),
            what=lambda: self._log.read_text(errors="replace")[-2000:],
        )

    def metrics(self) -> dict[str, int]:
        """Return its counters by name."""
        text = self._http.get(f"{self.url}/metrics").text
        return {
            name: int(float(value)) for name, value in re.findall(r"^llamacpp:(\w+) (\S+)$", text, re.MULTILINE)
        }

    def busy(self) -> int:
        """Return how many of its slots write an answer now."""
        slots: list[dict[str, Any]] = self._http.get(f"{self.url}/slots").json()
        return sum(slot["is_processing"] for slot in slots)

    def tokens(self, text: str) -> int:
        """Return how many tokens a text has for this model."""
        return len(self._http.post(f"{self.url}/tokenize", json={"content": text}).json()["tokens"])


def plain_client() -> httpx.Client:
    """Return a client without certificates: to load them takes longer than many calls."""
    return httpx.Client(timeout=30, verify=False)


def answers(http: httpx.Client, url: str) -> bool:
    """Whether a URL is answered with success."""
    try:
        return http.get(url).is_success
    except httpx.TransportError:
        return False


def until(check: Callable[[], bool], *, what: Callable[[], str]) -> None:
    """Return once the check holds; fails with `what` where it does not in time."""
    end = time.monotonic() + READY_SECONDS
    while not check():
        assert time.monotonic() < end, what()
        time.sleep(0.05)


def local_catalog(small: LocalServer, doomed: LocalServer) -> Catalog:
    """Return two models, each with a server of its own; a job of the class may go to either."""
    row = {
        "format": "openai", "upstream": "smollm2-135m", "max_tokens_field": "max_tokens", "worker_concurrency": 4,
        "context_window": CONTEXT_WINDOW, "abilities": ["json_schema"], "timeout_seconds": 100,
        "price": {"input_usd_per_mtok": 0, "output_usd_per_mtok": 0},
        "breaker": {"min_calls": 1, "error_ratio": 0.01, "open_seconds": 300},
    }  # fmt: skip
    return Catalog.model_validate(
        {
            "models": {
                "small": {**row, "base_url": f"{small.url}/v1"},
                "doomed": {**row, "base_url": f"{doomed.url}/v1"},
            },
            "task_classes": {"either": {"models": ["doomed", "small"], "strategy": "adaptive"}},
            "default_class": "either",
        }
    )


@contextmanager
def running_parts(redis_url: str, catalog: Catalog, folder: Path) -> Iterator[Parts]:
    """Run API, dispatcher and a worker for each model."""
    settings = Settings(
        _env_file=None, redis_url=redis_url, key_prefix=f"t{secrets.token_hex(6)}:", api_port=free_port(),
        files_folder=folder / "files", backoff_base_seconds=0.1, backoff_max_seconds=0.5,
    )  # fmt: skip
    parts = Parts(settings, catalog, folder)
    try:
        parts.api()
        parts.dispatcher()
        for model in catalog.models:
            parts.worker(model)
        url = f"http://127.0.0.1:{settings.api_port}"
        with plain_client() as http:
            until(
                lambda: answers(http, f"{url}/readyz") and _workers(http, url) == len(catalog.models),
                what=parts.logs,
            )
        yield parts
    finally:
        parts.kill()


def _workers(http: httpx.Client, url: str) -> int:
    models = http.get(f"{url}/v1/models").json()
    return sum(bool(model.get("workers")) for model in models["models"])
