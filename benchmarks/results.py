"""Counts the final results by job: Pointsman and Celery publish each of them on a channel named after the job."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter

import redis

CHANNELS = "celery-task-meta-"
FINAL = ("SUCCESS", "FAILURE")


class Results:
    """Listens from its making on; `times` is when each job's first result came."""

    def __init__(self, redis_url: str) -> None:
        self.succeeded: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.times: dict[str, float] = {}
        self._client = redis.Redis.from_url(redis_url)
        self._pubsub = self._client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call] # redis-py types are of both clients
        self._pubsub.psubscribe(f"{CHANNELS}*")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._stopped.is_set():
            message = self._pubsub.get_message(timeout=0.2)
            if message is not None:
                self._count(message["channel"].decode().removeprefix(CHANNELS), json.loads(message["data"]))

    def _count(self, job_id: str, result: dict[str, object]) -> None:
        if result["status"] in FINAL:
            kind = self.succeeded if result["status"] == "SUCCESS" else self.failed
            kind[job_id] += 1
            self.times.setdefault(job_id, time.time())

    def count(self, job_id: str) -> int:
        """Return how many final results a job had."""
        return self.succeeded[job_id] + self.failed[job_id]

    def close(self) -> None:
        """Stop listening."""
        self._stopped.set()
        self._thread.join()
        self._pubsub.close()
        self._client.close()
