"""A large batch through the official openai client: wall time of each part, and memory of the API process.

    python -m benchmarks.batch [--lines 50000] [--kilobytes 4] [--slots 200] [--cancel]

Real parts on this machine: Redis, one API process, one dispatcher, one worker for each of two models; only the LLM
server is simulated (50 ms a call). With --cancel no worker runs: every line is submitted, cancelled and written to
the error file, which shows what the API alone needs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import httpx
from openai import AsyncOpenAI
from openai.types import Batch

from pointsman.local.ports import free_port

from .installation import Installation, catalog_of
from .llm_server import ANSWERED
from .processes import Processes, running, start_llm, start_redis
from .watched import Watched

CHAT = "/v1/chat/completions"
PER_MB = 1_000_000
LATENCY_SECONDS = 0.05
MODELS: dict[str, dict[str, object]] = {"one": {}, "two": {}}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=50_000)
    parser.add_argument("--kilobytes", type=float, default=4.0, help="size of a line")
    parser.add_argument("--slots", type=int, default=200, help="calls in flight of each of the two models")
    parser.add_argument("--cancel", action="store_true", help="run no worker; cancel when all is submitted")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as made, running(Path(made)) as processes:
        asyncio.run(_measure(options, processes))


async def _measure(options: argparse.Namespace, processes: Processes) -> None:
    llm_url = start_llm(processes, LATENCY_SECONDS)
    installation = Installation(
        processes,
        start_redis(processes),
        catalog_of(MODELS, llm_url, worker_concurrency=options.slots),
        api_port=free_port(),
        files_folder=processes.folder / "files",
        log_level="WARNING",
    )
    path = processes.folder / "input.jsonl"
    with path.open("wb") as file:
        file.writelines(_lines(options.lines, int(options.kilobytes * 1000)))
    api, live = installation.start_api(), Watched(installation, llm_url)
    url = f"http://127.0.0.1:{installation.settings.api_port}"
    try:
        await _until_it_answers(url)
        if not options.cancel:
            installation.start_dispatcher()
            for name in MODELS:
                installation.start_worker([name])
            await live.until_served(workers=1, dispatchers=1)
        async with AsyncOpenAI(base_url=f"{url}/v1", api_key="any", timeout=600) as client:
            await _run(client, path, api, live, cancel=options.cancel)
    finally:
        await live.close()


async def _run(client: AsyncOpenAI, path: Path, api: Popen[bytes], live: Watched, *, cancel: bool) -> None:
    size = await asyncio.to_thread(path.stat)
    _print_line(f"{size.st_size / PER_MB:.0f} MB of requests; the API has {_peak_mb(api):.0f} MB before")
    marks = [("", time.perf_counter())]

    def mark(what: str) -> None:
        marks.append((what, time.perf_counter()))
        _print_line(f"{what:12} {marks[-1][1] - marks[-2][1]:8.1f} s   peak of the API {_peak_mb(api):6.0f} MB")

    file = await client.files.create(file=path, purpose="batch")
    mark("upload")
    batch = await client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
    batch = await _until(client, batch.id, lambda found: found.status != "validating")
    mark("validate")
    total = batch.request_counts.total if batch.request_counts else 0
    batch = await _until(client, batch.id, lambda found: _submitted(found) >= total)
    mark("submit")
    if cancel:
        await client.batches.cancel(batch.id)
    batch = await _until(client, batch.id, lambda found: found.status not in ("in_progress", "cancelling"))
    mark("cancel" if cancel else "answer")
    batch = await _until(client, batch.id, lambda found: found.status != "finalizing")
    mark("write")
    seconds = marks[-1][1] - marks[0][1]
    counts = batch.request_counts
    _print_line(f"{batch.status}: {counts}; {seconds:.1f} s in all, {total / seconds:.0f} lines/s")
    await _check(client, batch, live, total)


async def _check(client: AsyncOpenAI, batch: Batch, live: Watched, total: int) -> None:
    """Say how many lines are in the output, and how many calls were made for them."""
    written: Counter[str] = Counter()
    for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
        async with client.files.with_streaming_response.content(file_id) as reply:
            async for line in reply.iter_lines():
                written[json.loads(line)["custom_id"]] += 1
    paid = sum(call.how == ANSWERED for call in await live.calls())
    most = max(written.values())
    _print_line(
        f"{len(written)} of {total} lines are in the files, {most} time each at most; {paid} calls were made"
    )


def _print_line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _lines(count: int, size: int) -> Iterator[bytes]:
    for at in range(count):
        messages = [{"role": "user", "content": f"Question {at}. {'why ' * ((size - 180) // 4)}"}]
        body = {"model": "any", "messages": messages}
        line = {"custom_id": f"request-{at}", "method": "POST", "url": CHAT, "body": body}
        yield json.dumps(line).encode() + b"\n"


def _submitted(batch: Batch) -> int:
    return int((batch.model_extra or {})["pointsman"]["submitted_lines"])


async def _until(client: AsyncOpenAI, batch_id: str, there: Callable[[Batch], bool]) -> Batch:
    while True:
        batch = await client.batches.retrieve(batch_id)
        if there(batch):
            return batch
        await asyncio.sleep(0.2)


async def _until_it_answers(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as http:
        while True:
            try:
                await http.get("/healthz")
                return
            except httpx.TransportError:
                await asyncio.sleep(0.1)


def _peak_mb(process: Popen[bytes]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / PER_MB


if __name__ == "__main__":
    main()
