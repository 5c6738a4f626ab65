"""Memory and pace of `pointsman batch run` by the number of lines.

    python -m benchmarks.batch_run [--lines 10000,100000] [--transports redis,http] [--million]

Real parts on this machine: Redis, one dispatcher, an API for HTTP, and Celery workers whose model answers
at once (benchmarks/pointsman_noop.py), so that a million lines take half an hour. Each size is an installation
of its own. Records are kept for two minutes only, so that Redis does not have to hold all of them. Prints a table,
and writes benchmarks/results/batch_run.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pointsman.local.ports import free_port

from .installation import Installation, catalog_of
from .processes import Processes, running, start_redis
from .report import Row, table, write
from .watched import Watched

NOOP_APP = "benchmarks.pointsman_noop"
NOWHERE = "http://127.0.0.1:1"
SLOTS = 200
KEPT_SECONDS = 120
LOOK_SECONDS = 0.1
PER_MB = 1_000_000
MILLION = ("redis", 1_000_000)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", default="10000,100000")
    parser.add_argument("--transports", default="redis,http")
    parser.add_argument("--million", action="store_true", help="a million lines too, straight to Redis")
    parser.add_argument("--bytes", type=int, default=300, help="size of a line")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    sizes = [
        (transport, int(lines)) for transport in options.transports.split(",") for lines in options.lines.split(",")
    ]
    rows = []
    for transport, lines in [*sizes, *([MILLION] if options.million else [])]:
        with tempfile.TemporaryDirectory(prefix="bench-") as made, running(Path(made)) as processes:
            rows.append(asyncio.run(_measure(processes, transport, lines, options)))
        sys.stdout.write(f"{table(rows)}\n\n")
        sys.stdout.flush()
    write("batch_run", options=vars(options), rows=rows)


async def _measure(processes: Processes, transport: str, lines: int, options: argparse.Namespace) -> Row:
    installation = Installation(
        processes,
        start_redis(processes),
        catalog_of({"one": {}}, NOWHERE, worker_concurrency=SLOTS),
        api_port=free_port(),
        result_ttl_seconds=KEPT_SECONDS,
        dead_ttl_seconds=KEPT_SECONDS,
        expires_in_seconds=3600,
        log_level="WARNING",
    )
    installation.start_dispatcher()
    for _ in range(options.workers):
        installation.start_worker(app=NOOP_APP)
    if transport == "http":
        installation.start_api()
    watched = Watched(installation)
    try:
        await watched.until_served(workers=options.workers, dispatchers=1)
    finally:
        await watched.close()
    return await asyncio.to_thread(_run, processes, installation, transport, lines, options.bytes)


def _run(processes: Processes, installation: Installation, transport: str, lines: int, size: int) -> Row:
    source, output = processes.folder / "in.jsonl", processes.folder / "out.jsonl"
    with source.open("wb") as file:
        file.writelines(_lines(lines, size))
    url = installation.redis_url if transport == "redis" else f"http://127.0.0.1:{installation.settings.api_port}"
    command = [
        sys.executable,
        "-m",
        "pointsman",
        "batch",
        "run",
        str(source),
        "-o",
        str(output),
        "--json",
        "--quiet",
    ]
    began = time.perf_counter()
    run = processes.start(
        [*command, "--url", url], name="batch", environment={"POINTSMAN_MODELS_FILE": str(installation.models_file)}
    )
    peak, cpu = _watch(run)
    seconds = time.perf_counter() - began
    summary = json.loads(processes.log(run))
    _check(output, lines)
    return {
        "transport": transport,
        "lines": lines,
        "succeeded": summary["succeeded"],
        "seconds": round(seconds, 1),
        "lines_per_second": round(lines / seconds),
        "peak_mb": round(peak, 1),
        "cpu_ms_per_line": round(1000 * cpu / lines, 3),
    }


def _watch(run: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Return the peak of resident memory in MB, and the CPU seconds, of a process that is about to end."""
    peak = cpu = 0.0
    while run.poll() is None:
        try:
            status = Path(f"/proc/{run.pid}/status").read_text(encoding="utf-8")
            times = Path(f"/proc/{run.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except FileNotFoundError:
            break
        marks = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        if marks:
            peak, cpu = int(marks[0].split()[1]) * 1024 / PER_MB, (int(times[11]) + int(times[12])) / 100
        time.sleep(LOOK_SECONDS)
    run.wait()
    return peak, cpu


def _lines(count: int, size: int) -> Iterator[bytes]:
    for at in range(count):
        prompt = f"Question {at}. {'why ' * ((size - 90) // 4)}"
        yield json.dumps({"custom_id": f"request-{at}", "prompt": prompt, "task_class": "any"}).encode() + b"\n"


def _check(output: Path, lines: int) -> None:
    """Raise RuntimeError where the output is not that of all lines in their order."""
    with output.open("rb") as file:
        numbers = (json.loads(line)["line"] for line in file)
        if any(number != wanted for wanted, number in enumerate(numbers, 1)):
            raise RuntimeError("the output is not in the order of the input")
    if sum(1 for _ in output.open("rb")) != lines:
        raise RuntimeError("the output has not as many lines as the input")


if __name__ == "__main__":
    main()
