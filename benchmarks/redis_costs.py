"""Says what Redis spends its time on: each command by its own counters, each script by its slow log.

The counters are exact. The slow log is asked for nothing below a few microseconds, so that it holds the scripts and
hardly any command inside of them; what it says of scripts is only used to share out the counted time of EVALSHA.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import redis

from pointsman.router.store.scripts import FOLDER, digest

LOGGED_FROM_US = 10
LOG_ENTRIES = 200_000


class RedisCosts:
    """Counts from its making on; `url` is of a Redis that nobody else needs."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, decode_responses=True)
        self._client.config_set("slowlog-max-len", LOG_ENTRIES)
        self._client.config_set("slowlog-log-slower-than", LOGGED_FROM_US)
        self._client.slowlog_reset()
        self._client.config_resetstat()

    def per_job(self, jobs: int) -> dict[str, Any]:
        """Return microseconds and calls per job by script and by command, and stop counting."""
        commands: dict[str, dict[str, Any]] = self._client.info("commandstats")  # type: ignore[assignment] # redis-py types are of both clients
        self._client.config_set("slowlog-log-slower-than", -1)
        scripts = self._by_script(commands, jobs)
        stats: dict[str, Any] = self._client.info("stats")  # type: ignore[assignment] # redis-py types are of both clients
        self._client.close()
        return {
            "scripts": scripts,
            "commands": {
                name.removeprefix("cmdstat_"): _per_job(row["usec"], row["calls"], jobs)
                for name, row in sorted(commands.items(), key=lambda item: -item[1]["usec"])
                if row["usec"] / jobs >= 0.05
            },
            "bytes_in": round(stats["total_net_input_bytes"] / jobs),
            "bytes_out": round(stats["total_net_output_bytes"] / jobs),
        }

    def _by_script(self, commands: dict[str, dict[str, Any]], jobs: int) -> dict[str, dict[str, float]]:
        names = {digest(path.stem): path.stem for path in FOLDER.glob("*.lua")}
        microseconds: Counter[str] = Counter()
        calls: Counter[str] = Counter()
        for entry in self._client.slowlog_get(LOG_ENTRIES):  # type: ignore[union-attr] # redis-py types are of both clients
            words = entry["command"].decode(errors="replace").split(" ", 2)
            if words[0].upper() == "EVALSHA":
                name = names.get(words[1], words[1])
                microseconds[name] += entry["duration"]
                calls[name] += 1
        counted = commands.get("cmdstat_evalsha", {"usec": 0})["usec"]
        scale = counted / microseconds.total() if microseconds else 0.0
        return {name: _per_job(took * scale, calls[name], jobs) for name, took in microseconds.most_common()}


def _per_job(microseconds: float, calls: int, jobs: int) -> dict[str, float]:
    return {
        "us_per_job": round(microseconds / jobs, 2),
        "calls_per_job": round(calls / jobs, 4),
        "us_per_call": round(microseconds / calls, 2) if calls else 0.0,
    }
