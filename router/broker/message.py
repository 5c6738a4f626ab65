"""The edge to Celery: how its broker is configured, and the message that stands for one binding.

The dispatcher does not publish through kombu: its bind script pushes the message in the same step that writes
the ledger. So the message is built by Celery and kombu once, with placeholders, and the script fills them in.
"""

from __future__ import annotations

import json
from typing import Any

from celery import Celery
from kombu import Connection
from kombu.transport import TRANSPORT_ALIASES

from ..config.redis_url import read_redis_url
from ..config.settings import Settings
from ..store.keys import Keys

TASK = "pointsman.attempt"
WEBHOOK_TASK = "pointsman.webhook"
WEBHOOK_QUEUE = Keys().key("webhooks")
"""No model can be called so: its queue begins with `llm.`."""
JOB, BINDING = "@JOB@", "@BINDING@"
TRANSPORT = "pointsman.router.broker.transport:Transport"
TRANSPORTS = {
    "redis": TRANSPORT,
    "rediss": TRANSPORT,
    "sentinel": "pointsman.router.broker.transport:SentinelTransport",
}
SENTINEL_TIMEOUTS = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0}
"""Seconds; there are other sentinels to ask."""


def use_our_transport() -> None:
    """Let this process's broker URLs use our transports, which redeliver nothing themselves."""
    TRANSPORT_ALIASES.update(TRANSPORTS)


def celery_config(settings: Settings) -> dict[str, Any]:
    """Return the Celery settings that every process needs to meet the others in Redis."""
    where = read_redis_url(settings.redis_url)
    shared: dict[str, Any] = {"global_keyprefix": settings.key_prefix}
    if where.sentinels:
        shared |= {
            "master_name": where.service,
            "sentinel_kwargs": {**SENTINEL_TIMEOUTS, **where.sentinel_options},
        }
    options = shared | {
        # our ledger, fence and reaper stand in for acknowledgements
        "ack_emulation": False,
        # both in seconds: by then Celery leaves a Redis that has frozen, before its worker's bindings are late
        "socket_timeout": 5,
        "health_check_interval": 5,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "max_connections": 100,
    }
    return {
        "broker_url": where.broker_url,
        "broker_use_ssl": where.ssl_options or False,
        "broker_transport_options": options,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "result_backend": where.broker_url,
        "redis_backend_use_ssl": where.ssl_options,
        "result_backend_transport_options": shared,
        "result_expires": int(settings.result_ttl_seconds),
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
    }


def message_template(queue: str, task: str = TASK) -> str:
    """Return the JSON that kombu would push for one binding, with `@JOB@` and `@BINDING@` to be filled in.

    For a webhook these are a delivery and its number.
    """
    app = Celery("pointsman", set_as_current=False)
    app.conf.update(task_serializer="json", accept_content=["json"], task_ignore_result=True)
    placeholder = task_id(JOB, BINDING)
    with Connection("memory://") as connection, connection.channel() as channel:
        app.send_task(
            task,
            task_id=placeholder,
            queue=queue,
            exchange="",
            routing_key=queue,
            connection=connection,
            producer=connection.Producer(channel, serializer="json"),
            argsrepr=f"({JOB!r}, {BINDING})",
            kwargsrepr="{}",
        )
        message = channel._get(queue)  # kombu's own envelope, as its transport would write it
        channel.queue_delete(queue)
    message["properties"]["delivery_tag"] = placeholder
    message["properties"]["reply_to"] = ""
    message["headers"]["origin"] = "pointsman"
    return json.dumps(message)


def task_id(job_id: str, binding: int | str) -> str:
    """Return the Celery task id of a binding; the vendors get it as `x-client-request-id`."""
    return f"{job_id}.{binding}"


def read_task_id(text: str) -> tuple[str, int]:
    """Split a Celery task id into job id and binding number; raises ValueError when it is not one of ours."""
    job_id, _, binding = text.rpartition(".")
    if not job_id:
        raise ValueError(f"not the task id of a binding: {text!r}")
    return job_id, int(binding)
