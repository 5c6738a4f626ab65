"""Makes a revoke, from Flower or from Celery's own command line, cancel the job and not only one message of it."""

from __future__ import annotations

from typing import Any

from celery.utils.functional import maybe_list
from celery.worker.control import Panel

from pointsman.router.broker.message import read_task_id


def install_revoke() -> None:
    """Put the cancelling of jobs in front of Celery's own `revoke` control command."""
    celerys_own = Panel.data["revoke"]

    def revoke(state: Any, task_id: Any, terminate: bool = False, signal: Any = None, **options: Any) -> Any:
        """Cancel the jobs of these tasks, then revoke the tasks."""
        job_ids = [job_id for job_id in map(_job_id, maybe_list(task_id) or []) if job_id]
        controller = state.consumer.controller
        controller.pool.spawn(controller.pointsman_runtime.cancel(job_ids, "its Celery task was revoked"))
        return celerys_own(state, task_id, terminate=terminate, signal=signal, **options)

    Panel.data["revoke"] = revoke


def _job_id(task_id: str) -> str:
    try:
        return read_task_id(task_id)[0]
    except ValueError:
        return ""  # a task that is none of ours
