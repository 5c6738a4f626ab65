"""A result backend for Celery's clients that also says where a job stands that nobody works on yet.

    Celery(broker=url, backend=f"pointsman.result_backend:JobBackend+{url}")

The ends of jobs, and STARTED while a call is in flight, are where every Redis backend of Celery looks for them. A
job that waits has no entry there, since a backlog may be long: what is said of it is read from the job itself.
"""

from __future__ import annotations

from typing import Any

from celery.backends.redis import RedisBackend, SentinelBackend
from kombu.utils.encoding import bytes_to_str

from ..store.keys import Keys

FIELDS = ("state", "model", "attempts", "lane")
WAITING = ("pending", "bound")


class ReadsJobs:
    """Mixed into a backend: PENDING has `info` with the model, the attempts so far, and the position in line."""

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        meta: dict[str, Any] = super()._get_task_meta_for(task_id)  # type: ignore[misc] # mixed into a backend
        if meta["status"] == "PENDING":
            meta["result"] = self._where(task_id)
        return meta

    def _where(self, job_id: str) -> dict[str, Any] | None:
        backend: Any = self
        keys = Keys(bytes_to_str(backend.task_keyprefix).removesuffix(Keys().results))
        state, model, attempts, lane = map(_text, backend.client.hmget(keys.key("job", job_id), FIELDS))
        if state not in WAITING:
            return None
        line = keys.key("lane", lane) if lane else keys.key("intake")
        ahead = backend.client.zrank(line, job_id) if state == "pending" else None
        return {
            "model": model if state == "bound" else None,
            "attempt": int(attempts or 0),
            "position": None if ahead is None else ahead + 1,
        }


def _text(value: bytes | None) -> str | None:
    return None if value is None else bytes_to_str(value)


class JobBackend(ReadsJobs, RedisBackend):  # type: ignore[misc] # celery has no types
    """For `redis://` and `rediss://`."""


class SentinelJobBackend(ReadsJobs, SentinelBackend):  # type: ignore[misc] # celery has no types
    """For `sentinel://`."""
