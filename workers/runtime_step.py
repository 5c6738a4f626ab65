"""Opens and closes the runtime as a step of the Celery worker, after its pool and before its consumer."""

from __future__ import annotations

import logging
import os
from typing import Any

from celery import bootsteps
from celery.signals import worker_shutting_down

from router.broker import TASK
from router.catalog import load_catalog
from router.settings import load_settings

from .api_keys import read_api_keys
from .queues import models_of
from .runtime import Runtime

log = logging.getLogger("pointsman.worker")


class RuntimeStep(bootsteps.StartStopStep):  # type: ignore[misc] # celery has no types
    """Gives the task its runtime; at SIGTERM the worker's slots are withdrawn before Celery begins to stop."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._runtime: Runtime | None = None

    def start(self, worker: Any) -> None:
        """Open the runtime on the pool's loop."""
        settings = load_settings()
        catalog = load_catalog(settings.models_file)
        models = models_of(worker.app.amqp.queues.consume_from, catalog)
        self._runtime = Runtime(
            settings=settings,
            catalog=catalog,
            api_keys=read_api_keys(models, os.environ),
            hostname=worker.hostname,
            concurrency=worker.pool.limit,
        )
        worker.pool.spawn(self._runtime.open()).result()
        worker.app.tasks[TASK].runtime = self._runtime
        worker.pointsman_runtime = self._runtime
        self._on_sigterm = lambda **_: self._withdraw(worker)
        worker_shutting_down.connect(self._on_sigterm, sender=worker.hostname, weak=False)

    def _withdraw(self, worker: Any) -> None:
        if self._runtime is not None:
            worker.pool.spawn(self._runtime.withdraw())

    def stop(self, worker: Any) -> None:
        """Wait for the calls in flight, then close the runtime."""
        log.info("waiting for the calls in flight to end")
        self._close(worker, worker.pool.drain())

    def terminate(self, worker: Any) -> None:
        """Stop the calls in flight, whose jobs go back to wait, then close the runtime."""
        self._close(worker, worker.pool.cancel_all())

    def _close(self, worker: Any, ending: Any) -> None:
        if self._runtime is None:
            ending.close()
            return
        worker.pool.spawn(self._runtime.withdraw()).result(timeout=15)
        worker.pool.spawn(ending).result()
        worker.pool.spawn(self._runtime.close()).result(timeout=15)
        worker.app.tasks[TASK].runtime = self._runtime = None
