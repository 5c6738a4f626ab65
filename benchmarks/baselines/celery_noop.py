"""Celery with a task that does nothing; results are kept."""

from __future__ import annotations

import os

from celery import Celery

from .celery_httpx.configuration import configuration
from .celery_httpx.options import Options

app = Celery("noop", set_as_current=False)
app.conf.update(configuration(Options.read(os.environ)))


@app.task(name="baseline.noop")
def noop(prompt: str) -> str:
    """Return at once."""
    return prompt
