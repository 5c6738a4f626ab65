"""The simulated server as a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest

from pointsman.router.runtime.http import open_client
from tests.support.checkout import ROOT
from tests.support.simulated_server import ask_openai, until_in_flight


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_process_says_where_it_listens_and_stops_cleanly(number: signal.Signals) -> None:
    process = await _start("--port", "0")
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    assert line.startswith("simulated LLM server on http://127.0.0.1:")
    async with open_client(connections=2, base_url=line.split()[-1]) as http:
        await http.post("/config", json={"default": {"base_seconds": 600}})
        call = asyncio.create_task(ask_openai(http))
        await until_in_flight(http, 1)
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), 5) == 0
        await asyncio.wait([call])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--host", "0.0.0.0"), "--allow-any-host"),
        (("--settings", "nowhere.yaml"), "nowhere.yaml: the file does not exist"),
    ],
)
async def test_the_process_refuses_in_one_line(arguments: tuple[str, ...], message: str) -> None:
    process = await _start(*arguments)
    _, output = await process.communicate()
    assert process.returncode == 2
    assert message in output.decode()
    assert output.count(b"\n") == 1


async def _start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pointsman.simulated", *arguments,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
