"""Opens and closes the runtime as a step of the Celery worker, after its pool and before its consumer."""

from __future__ import annotations

import logging
import os
import signal
import threading
from contextlib import suppress
from typing import Any

from celery import bootsteps
from celery.signals import worker_shutting_down

from pointsman.router.broker.message import TASK, WEBHOOK_QUEUE, WEBHOOK_TASK
from pointsman.router.config.settings import Settings, load_settings
from pointsman.router.routing.catalog import Catalog, load_catalog
from pointsman.router.runtime.hangup import hangup_handler

from .api_keys import environment, read_api_keys
from .queues import models_of
from .runtime import Runtime
from .webhooks.runtime import WebhookRuntime

log = logging.getLogger("pointsman.worker")


class RuntimeStep(bootsteps.StartStopStep):  # type: ignore[misc] # celery has no types
    """Gives the task its runtime; at SIGTERM the worker's slots are withdrawn before Celery begins to stop.

    A second SIGTERM, which Celery passes over, ends the grace time of the calls in flight.
    """

    requires = ("celery.worker.components:Pool",)

    def start(self, worker: Any) -> None:
        """Open the runtime on the pool's loop."""
        settings = load_settings()
        catalog = load_catalog(settings.models_file)
        webhooks = WEBHOOK_QUEUE in worker.app.amqp.queues.consume_from
        runtime = (_for_webhooks if webhooks else _for_models)(worker, settings, catalog)
        worker.pool.spawn(runtime.open()).result()
        worker.app.tasks[WEBHOOK_TASK if webhooks else TASK].runtime = runtime
        worker.pool.shared = worker.pointsman_runtime = runtime
        _reload_on_hangup(worker)
        self._stop_signals = 0
        self._on_sigterm = lambda **_: self._on_stop_signal(worker)
        worker_shutting_down.connect(self._on_sigterm, sender=worker.hostname, weak=False)

    def _on_stop_signal(self, worker: Any) -> None:
        self._stop_signals += 1
        if self._stop_signals == 1:
            self._withdraw(worker)
        else:
            worker.pool.hurry()

    def _withdraw(self, worker: Any) -> None:
        with suppress(RuntimeError):  # a cold shutdown has stopped the pool already
            worker.pool.spawn(worker.pointsman_runtime.withdraw())

    def stop(self, worker: Any) -> None:
        """Take no more; the pool waits for the calls in flight and then closes the runtime."""
        log.info("waiting for the calls in flight to end")
        self._withdraw(worker)


def _reload_on_hangup(worker: Any) -> None:
    """Take a changed models.yaml at SIGHUP, where Celery would start another worker in this one's place."""
    if threading.current_thread() is not threading.main_thread():
        return  # a worker inside of another program, whose signals are its own
    handle = hangup_handler(
        lambda: worker.pool.spawn(worker.pointsman_runtime.reloads.reload()),
        lambda: os.kill(os.getpid(), signal.SIGTERM),
    )
    signal.signal(signal.SIGHUP, lambda *_: handle())


def _for_models(worker: Any, settings: Settings, catalog: Catalog) -> Runtime:
    models = models_of(worker.app.amqp.queues.consume_from, catalog)
    return Runtime(
        settings=settings,
        catalog=catalog,
        models=models,
        api_keys=read_api_keys(models, environment()),
        hostname=worker.hostname,
        concurrency=worker.pool.limit,
    )


def _for_webhooks(worker: Any, settings: Settings, catalog: Catalog) -> WebhookRuntime:
    return WebhookRuntime(
        settings=settings, catalog=catalog, hostname=worker.hostname, concurrency=worker.pool.limit
    )
