"""The Celery application: `celery -A benchmarks.baselines.celery_httpx.app worker`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from celery import Celery, Task

from .configuration import configuration
from .options import Options

TIMEOUT_SECONDS = 60.0
"""userguide/tasks, on tasks that block for ever: give every call to the outside a timeout."""

MOST_TRIES = 20
"""How often a 429 or a failed call is tried again; the same as Pointsman's `POINTSMAN_MAX_RATE_LIMITS`."""

options = Options.read(os.environ)
app = Celery("baseline", set_as_current=False)
app.conf.update(configuration(options))
clients: list[httpx.Client] = []


@contextmanager
def client() -> Iterator[httpx.Client]:
    """Lend a client to one call at a time; the pool of one client for all would be slowed down by its locks."""
    try:
        lent = clients.pop()
    except IndexError:
        lent = httpx.Client(base_url=options.llm_url, timeout=TIMEOUT_SECONDS)
    try:
        yield lent
    finally:
        clients.append(lent)


# userguide/tasks, "Automatic retry for known exceptions": exponential backoff with jitter.
@app.task(
    bind=True,
    name="baseline.ask",
    autoretry_for=(httpx.TransportError, httpx.HTTPStatusError),
    retry_backoff=1,
    retry_backoff_max=60,
    retry_jitter=True,
    max_retries=MOST_TRIES,
)
def ask(self: Task, prompt: str) -> dict[str, Any]:
    """Ask the model; a 429 is tried again when the server says (userguide/tasks, "Using a custom retry delay")."""
    body = {"model": "bench", "messages": [{"role": "user", "content": prompt}]}
    with client() as llm:
        response = llm.post("/chat/completions", json=body, headers={"x-client-request-id": self.request.id})
    if response.status_code == 429:
        raise self.retry(countdown=float(response.headers.get("retry-after", "1")))
    response.raise_for_status()
    answer = response.json()
    return {"text": answer["choices"][0]["message"]["content"], "usage": answer["usage"]}
