"""Celery's remote control, where it would do to jobs what their ledger does not know of.

A revoke, from an AsyncResult, from Flower or from Celery's command line, cancels the job. Celery's own `revoke`
knows nothing of jobs: it would write REVOKED as the result of one that goes on. A rate limit of Celery's would let
bindings wait in a worker until their time is over, again and again: it is refused.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from typing import Any, Protocol

from celery.utils.functional import maybe_list
from celery.worker.control import Panel

from pointsman.router.broker.message import read_task_id
from pointsman.router.vocabulary.errors import StoreUnavailable
from pointsman.router.vocabulary.job import JobState

log = logging.getLogger("pointsman.worker")

REVOKED = "it was revoked"
"""Why such a job is cancelled."""
REVOKE_SECONDS = 3.0
"""How long a reply waits for its cancels; the worker's hub takes no messages meanwhile."""
TRY_AGAIN_SECONDS = (0.2, 1.0, 3.0)
NO_RATE_LIMIT = (
    "{task} takes no rate limit of Celery's, which would hold jobs back in a worker until they are taken from it. "
    "Set requests_per_minute under the model's limits in models.yaml, which hold over all workers, and run "
    "`pointsman reload`"
)

Reply = dict[str, str]


class CancelsJobs(Protocol):
    """The runtime of a worker, of models or of webhooks."""

    async def cancel(self, job_id: str) -> JobState | None:
        """Cancel a job and return its state now, None for an unknown one; raises StoreUnavailable."""


def install_remote_control() -> None:
    """Put our own commands in the place of Celery's."""
    Panel.data["revoke"] = revoke
    Panel.data["terminate"] = terminate
    Panel.data["revoke_by_stamped_headers"] = revoke_by_stamped_headers
    Panel.data["rate_limit"] = rate_limit


def revoke(state: Any, task_id: Any, **_: Any) -> Reply:
    """Cancel the jobs of these ids, which are those of jobs or of Celery's tasks; a running call is stopped."""
    ids = [str(one) for one in maybe_list(task_id) or []]
    controller = state.consumer.controller
    cancelling = controller.pool.spawn(_cancel_all(controller.pointsman_runtime, ids))
    cancelling.add_done_callback(_log_failure)
    try:
        states = cancelling.result(timeout=REVOKE_SECONDS)
    except concurrent.futures.TimeoutError:
        return {"error": f"not all of {len(ids)} jobs are cancelled yet; this worker goes on with it"}
    words = ", ".join(f"{one}: {_in_words(states[one])}" for one in ids)
    log.info("revoked: %s", words)
    return {"ok" if any(states.values()) else "error": words}


def terminate(state: Any, signal: Any, task_id: Any, **_: Any) -> Reply:
    """Do the same: there is no process to send a signal to."""
    return revoke(state, task_id)


def revoke_by_stamped_headers(state: Any, headers: Any, **_: Any) -> Reply:
    """Refuse it."""
    return {"error": "jobs have no stamps: revoke them by their ids"}


def rate_limit(state: Any, task_name: str, rate_limit: Any, **_: Any) -> Reply:
    """Refuse a limit; to have none, `0`, is what always holds."""
    if rate_limit in (None, "", 0, "0"):
        return {"ok": f"{task_name} has no rate limit"}
    log.warning("refused a rate limit of %s for %s: limits of a model stand in models.yaml", rate_limit, task_name)
    return {"error": NO_RATE_LIMIT.format(task=task_name)}


async def _cancel_all(runtime: CancelsJobs, ids: list[str]) -> dict[str, JobState | None]:
    return {one: await _cancel(runtime, one) for one in ids}


async def _cancel(runtime: CancelsJobs, job_or_task: str) -> JobState | None:
    """Cancel one job, and try again where Redis does not answer: nobody may be waiting for the reply."""
    job_id = _job_id(job_or_task)
    for seconds in TRY_AGAIN_SECONDS:
        try:
            return await runtime.cancel(job_id)
        except StoreUnavailable as error:
            log.warning("revoked job %s cannot be cancelled, trying again: %s", job_id, error)
            await asyncio.sleep(seconds)
    return await runtime.cancel(job_id)


def _log_failure(cancelling: concurrent.futures.Future[dict[str, JobState | None]]) -> None:
    error = cancelling.exception()
    if error is not None:
        log.error("revoked jobs could not be cancelled, revoke them again: %s", error)


def _job_id(job_or_task: str) -> str:
    try:
        return read_task_id(job_or_task)[0]
    except ValueError:
        return job_or_task


def _in_words(state: JobState | None) -> str:
    match state:
        case None:
            return "no such job"
        case JobState.CANCELLED:
            return "cancelled"
        case _:
            return f"has ended already, {state}"
