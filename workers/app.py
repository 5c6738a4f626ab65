"""The Celery application: `celery -A pointsman worker -Q llm.<model>`.

Nothing is read from the environment at import time: Celery asks for the configuration when it needs it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

from celery import Celery
from celery.app import trace
from celery.signals import celeryd_init
from kombu import Exchange, Queue

from pointsman.router.broker.message import WEBHOOK_QUEUE, celery_config, use_our_transport
from pointsman.router.config.settings import Settings, load_settings
from pointsman.router.routing.catalog import Catalog, load_catalog
from pointsman.router.runtime.start_up import raise_open_files
from pointsman.router.store import check_before_start
from pointsman.router.vocabulary.errors import ConfigError

from .api_keys import environment, read_api_keys
from .presence import Presence
from .queues import check_alone, models_of
from .remote_control import install_remote_control
from .runtime_step import RuntimeStep
from .tasks import AttemptTask
from .webhooks.task import SendWebhook

app = Celery("pointsman", amqp="pointsman.workers.task_consumer:Amqp")


def configuration() -> dict[str, Any]:
    """Return the worker's whole Celery configuration; ends the process with status 2 when ours is wrong."""
    settings, catalog = read_configuration()
    exchange = Exchange("")
    return celery_config(settings) | {
        "worker_pool": "pointsman.workers.pool:AsyncPool",
        "worker_consumer": "pointsman.workers.consumer:Consumer",
        "worker_prefetch_multiplier": 1,  # with acks_late: no more messages in hand than slots
        "task_acks_late": True,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_enable_prefetch_count_reduction": False,  # task_consumer.py does that
        "worker_send_task_events": True,
        "worker_hijack_root_logger": False,
        "worker_enable_remote_control": True,
        "worker_disable_rate_limits": True,  # limits are those of a model, over all workers
        "worker_soft_shutdown_timeout": 0,
        "task_queues": [Queue(model.queue, exchange, routing_key=model.queue) for model in catalog.models.values()],
        "task_default_queue": next(iter(catalog.models.values())).queue,  # else Flower lists a queue nobody uses
        "task_create_missing_queues": True,
    }


def read_configuration() -> tuple[Settings, Catalog]:
    """Read settings and models; a mistake is one message, and ends the process with status 2."""
    try:
        settings = load_settings()
        return settings, load_catalog(settings.models_file)
    except ConfigError as error:
        raise SystemExit(_explain(error)) from error


def _explain(error: ConfigError) -> int:
    sys.stderr.write(f"pointsman: {error}\n")
    return 2


@celeryd_init.connect  # type: ignore[untyped-decorator] # celery has no types
def size_pool(conf: Any, options: dict[str, Any], **_: Any) -> None:
    """Take the number of slots from the models behind the worker's queues, unless -c says otherwise.

    Raises the limit of open files, for it may be Celery's own command that runs. Also refuses, before anything is
    started, a model whose API key is missing.
    """
    raise_open_files()
    settings, catalog = read_configuration()
    queues = options.get("queues") or [model.queue for model in catalog.models.values()]
    queues = queues.split(",") if isinstance(queues, str) else queues
    models = models_of(queues, catalog)
    try:
        check_alone(queues)
        asyncio.run(check_before_start(settings))
        read_api_keys(models, environment())
    except ConfigError as error:
        raise SystemExit(_explain(error)) from error
    if models:
        conf.worker_concurrency = sum(model.worker_concurrency for model in models)
    elif WEBHOOK_QUEUE in queues:
        conf.worker_concurrency = settings.webhook_concurrency


# the tracer only takes the outcome, so its own runtime is about 0; the outcome says how long the call took
trace.LOG_SUCCESS = "Task %(name)s[%(id)s] %(return_value)s"
logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every call
use_our_transport()
app.add_defaults(configuration)
app.register_task(AttemptTask())
app.register_task(SendWebhook())
app.steps["worker"].add(RuntimeStep)
app.steps["consumer"].add(Presence)
install_remote_control()
