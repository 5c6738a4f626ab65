"""What a job takes of Redis's memory: while it waits, and once it has ended, by part.

    python -m benchmarks.growth [--jobs 5000] [--prompts FILE]

Prompts have 1 000 characters; each answer says the whole prompt again. `others` is all that is not in a key of the
job's own: its places in the sorted sets, and Redis's table of keys. Prints a table, and writes
benchmarks/results/growth.json.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import redis

from pointsman.router.store.keys import Keys

from .installation import Installation, catalog_of
from .pointsman_contender import count_open
from .processes import running, start_llm, start_redis
from .prompts import Prompts, add_option, random_prompts, real_prompts
from .report import Row, table, write

SAMPLE = 200
CONCURRENCY = 200
LATENCY_SECONDS = 0.01
LOOK_SECONDS = 0.1
STUCK_SECONDS = 300.0


def measure(prompts: Prompts, jobs: int, folder: Path) -> tuple[Row, Row]:
    """Return the bytes of a job that waits, and of the same job when it has succeeded."""
    with running(folder) as processes:
        url, llm_url = start_redis(processes), start_llm(processes, LATENCY_SECONDS)
        catalog = catalog_of({"bench": {}}, llm_url, worker_concurrency=CONCURRENCY)
        installation = Installation(processes, url, catalog)
        with redis.Redis.from_url(url, decode_responses=True) as client, installation.client() as ours:
            empty = _bytes(client)
            ids = ours.submit_many(prompts.cut(jobs))
            waiting = _row(client, ids, prompts=prompts, whole=(_bytes(client) - empty) / jobs)
            installation.start_dispatcher()
            installation.until_ready(installation.start_worker())
            _until_over(client)
            finished = _row(client, ids, prompts=prompts, whole=(_bytes(client) - empty) / jobs)
    return waiting, finished


def _until_over(client: redis.Redis) -> None:
    end = time.monotonic() + STUCK_SECONDS
    while count_open(client):
        if time.monotonic() > end:
            raise RuntimeError(f"{count_open(client)} jobs have not ended in {STUCK_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)


def _bytes(client: redis.Redis) -> int:
    """Return what Redis has taken of memory, less the buffers of connections and of the log of writes."""
    found: dict[str, int] = client.info("memory")  # type: ignore[assignment] # redis-py types are of both clients
    return found["used_memory"] - found["mem_clients_normal"] - found["mem_aof_buffer"]


def _row(client: redis.Redis, ids: Sequence[str], *, prompts: Prompts, whole: float) -> Row:
    keys, some = Keys(""), ids[:: max(1, len(ids) // SAMPLE)]
    parts = {name: _mean(client, [keys.key(name, id) for id in some]) for name in ("job", "request", "history")}
    parts = {"record": parts.pop("job"), **parts, "result": _mean(client, [keys.result(id) for id in some])}
    return {
        "prompts": prompts.source,
        "bytes_per_job": round(whole),
        **{name: round(size) for name, size in parts.items()},
        "others": round(whole - sum(parts.values())),
    }


def _mean(client: redis.Redis, names: Sequence[str]) -> float:
    pipeline = client.pipeline(transaction=False)
    for name in names:
        pipeline.memory_usage(name)
    return mean(size or 0 for size in pipeline.execute())


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=5000)
    add_option(parser)
    options = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        for number, prompts in enumerate((real_prompts(options.prompts), random_prompts())):
            both = measure(prompts, options.jobs, Path(made) / str(number))
            rows += [{"state": state, **row} for state, row in zip(("pending", "succeeded"), both, strict=True)]
    sys.stdout.write(table(rows) + "\n")
    write("growth", options=vars(options), rows=rows)


if __name__ == "__main__":
    main()
