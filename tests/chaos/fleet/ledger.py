"""Starts the ledger server and talks to it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.chaos.fleet.calls import Call

SERVER = Path(__file__).with_name("ledger_server.py")


class Ledger:
    """The ledger server's process."""

    def __init__(self, models: Sequence[str], seed: int) -> None:
        command = (sys.executable, str(SERVER), str(seed), *models)
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        ports = json.loads(self._process.stdout.readline())
        self.models = list(models)
        self.urls = {model: f"http://127.0.0.1:{port}/v1" for model, port in ports["models"].items()}
        self._url = f"http://127.0.0.1:{ports['control']}"

    async def behave(self, *models: str, **how: Any) -> None:
        """Let models behave so from now on, all of them where none is named; what is not given is as usual."""
        await self._ask("POST", "/behave", json={"models": models or self.models, **how})

    async def calls(self, since: int = 0) -> list[Call]:
        """Return the calls from number `since` on."""
        return [Call(*row) for row in (await self._ask("GET", "/calls", params={"since": since}))["calls"]]

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        async with httpx.AsyncClient(timeout=30, verify=False) as http:
            reply = await http.request(method, self._url + path, **more)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def stop(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
