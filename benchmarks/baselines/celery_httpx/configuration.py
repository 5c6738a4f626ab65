"""The Celery settings of the hand-made worker: each one as a page of Celery's docs (docs.celeryq.dev) says."""

from __future__ import annotations

from typing import Any

from .options import Options

DEFAULT_MAX_CONNECTIONS = 10


def configuration(options: Options) -> dict[str, Any]:
    """Return the settings of one variant."""
    transport = _transport(options)
    return {
        "broker_url": options.redis_url,
        # userguide/tasks, "Keeping Results": results are wanted, so they are kept in Redis.
        "result_backend": options.results_url,
        # userguide/tasks, "acks_late": the task is run again when its worker died in the middle.
        "task_acks_late": options.acks_late,
        # userguide/configuration, "task_reject_on_worker_lost": so is the task of a pool process that was killed.
        "task_reject_on_worker_lost": options.acks_late,
        # userguide/optimizing, "Reserve one task at a time": long tasks must not wait behind each other.
        "worker_prefetch_multiplier": 1,
        "worker_concurrency": options.concurrency,
        "worker_pool": options.pool,
        "broker_transport_options": transport,
        # getting-started/backends-and-brokers/redis, "Visibility timeout" of results: the same as the broker's.
        "result_backend_transport_options": _visibility(options),
        # userguide/configuration, "broker_pool_limit": raise it where many threads or greenlets publish.
        "broker_pool_limit": max(DEFAULT_MAX_CONNECTIONS, options.concurrency),
        # the default of 6.0, which 5.x warns about
        "broker_connection_retry_on_startup": True,
        # the same in Celery 5 and Pointsman: nothing is unpickled (userguide/security)
        "accept_content": ["json"],
    }


def _visibility(options: Options) -> dict[str, Any]:
    return {"visibility_timeout": options.visibility_seconds} if options.visibility_seconds else {}


def _transport(options: Options) -> dict[str, Any]:
    """Return the transport's options: the first is in Celery's docs, the rest in kombu's (transport.redis)."""
    chosen = _visibility(options)
    # acknowledgements of greenlets take a connection each; with the default of 10 they fail and jobs run twice
    chosen["max_connections"] = max(DEFAULT_MAX_CONNECTIONS, 2 * options.concurrency)
    if options.often_restored:
        # look for lost messages every 2 s, not every 100 s; free the lock of a dead looker after 10 s, not 300 s
        chosen |= {"unacked_restore_interval": 2, "unacked_restore_throttle": 1, "unacked_mutex_expire": 10}
    return chosen
