"""Celery's worker command alone.

The command `celery` imports its plugins first, so that every worker would carry Flower and its web server.
"""

from __future__ import annotations

from collections.abc import Sequence

from celery.bin.base import CLIContext
from celery.bin.worker import worker

from .app import app


def run_worker(arguments: Sequence[str]) -> None:
    """Run `celery -A pointsman worker` with these arguments in this process, and end the process with it."""
    worker.main(list(arguments), prog_name="worker", obj=CLIContext(app=app, no_color=False, workdir=None))
