"""A Celery application with our pool and nothing else of ours: what a worker's start costs without Pointsman."""

from __future__ import annotations

import os

from celery import Celery

URL = os.environ.get("POINTSMAN_REDIS_URL", "redis://127.0.0.1:6379/0")

app = Celery("bare", broker=URL, backend=URL)
app.conf.update(
    worker_pool="pointsman.workers.pool:AsyncPool",
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
)


@app.task(name="bare.nothing")  # type: ignore[untyped-decorator] # celery has no types
def nothing() -> None:
    """Do nothing."""
