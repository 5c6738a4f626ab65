"""What the queue adds to the time until an answer's first words: through the API, less straight from the LLM.

    python -m benchmarks.first_token [--streams 100] [--at-once 1,20] [--rounds 2]

Real parts: Redis, dispatcher, one Celery worker, the API, and the simulated LLM server, whose first words come
after 200 ms. Straight and through POST /v1/chat/completions in turn, by the same HTTP client. Prints a table, and
writes benchmarks/results/first_token.json.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median

import httpx
from pydantic_core import from_json

from pointsman.local.parts import simulated_part
from pointsman.local.ports import free_port

from .arena import quantile
from .installation import Installation, catalog_of
from .processes import Processes, running, start_redis
from .report import Row, table, write
from .watched import Watched

FIRST_SECONDS = 0.2
SIMULATION = f"""
default:
  base_seconds: {FIRST_SECONDS}
  jitter: 0
  tokens_per_second: 100
  answer_tokens: 40
"""
WARM_UP = 10
SLOTS = 100


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=100, help="streams of each kind in a round")
    parser.add_argument("--at-once", default="1,20", help="how many run at the same time")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as made, running(Path(made)) as processes:
        rows = asyncio.run(_measure(processes, options))
    sys.stdout.write(f"{table(rows)}\n")
    write("first_token", options=vars(options), rows=rows)


async def _measure(processes: Processes, options: argparse.Namespace) -> list[Row]:
    llm = _start_llm(processes)
    redis = start_redis(processes)
    catalog = catalog_of({"one": {}}, llm, worker_concurrency=SLOTS)
    installation = Installation(processes, redis, catalog, api_port=free_port(), log_level="WARNING")
    installation.start_dispatcher()
    installation.start_worker()
    installation.start_api()
    watched = Watched(installation)
    try:
        await watched.until_served(workers=1, dispatchers=1)
    finally:
        await watched.close()
    api_url = f"http://127.0.0.1:{installation.settings.api_port}"
    await _until_open(api_url)
    return [await _row(llm, api_url, int(at_once), options) for at_once in options.at_once.split(",")]


def _start_llm(processes: Processes) -> str:
    settings, port = processes.folder / "simulation.yaml", free_port()
    settings.write_text(SIMULATION, encoding="utf-8")
    processes.start(simulated_part(port, settings).command, name="llm")
    return f"http://127.0.0.1:{port}"


async def _until_open(api_url: str) -> None:
    async with httpx.AsyncClient(base_url=api_url) as http:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if (await http.get("/readyz")).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
    raise RuntimeError(f"no API answers at {api_url}")


async def _row(llm: str, api_url: str, at_once: int, options: argparse.Namespace) -> Row:
    straight: list[float] = []
    through: list[float] = []
    for url in (llm, api_url):
        await _seconds(url, WARM_UP, at_once)
    for _ in range(options.rounds):
        straight += await _seconds(llm, options.streams, at_once)
        through += await _seconds(api_url, options.streams, at_once)
    return {
        "at_once": at_once,
        "streams": len(through),
        "straight_p50_ms": _ms(median(straight)),
        "through_p50_ms": _ms(median(through)),
        "added_p50_ms": _ms(median(through) - median(straight)),
        "straight_p99_ms": _ms(quantile(straight, 0.99)),
        "through_p99_ms": _ms(quantile(through, 0.99)),
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


async def _seconds(url: str, streams: int, at_once: int) -> list[float]:
    turn = asyncio.Semaphore(at_once)
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:

        async def one(number: int) -> float:
            async with turn:
                return await _first_words(http, f"stream {number} of {time.time_ns()}")

        return await asyncio.gather(*(one(number) for number in range(streams)))


async def _first_words(http: httpx.AsyncClient, prompt: str) -> float:
    """Return the seconds until the first text, and read on to the end."""
    body = {"model": "one", "stream": True, "messages": [{"role": "user", "content": prompt}]}
    began, first = time.perf_counter(), None
    async with http.stream("POST", "/v1/chat/completions", json=body) as reply:
        reply.raise_for_status()
        async for text in _texts(reply):
            if text and first is None:
                first = time.perf_counter() - began
    if first is None:
        raise RuntimeError(f"a stream had no words: {prompt}")
    return first


async def _texts(reply: httpx.Response) -> AsyncIterator[str]:
    async for line in reply.aiter_lines():
        if line.startswith("data: {"):
            choices = from_json(line.removeprefix("data: "))["choices"]
            yield (choices[0]["delta"].get("content") or "") if choices else ""


if __name__ == "__main__":
    main()
