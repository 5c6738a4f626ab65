"""The Celery task of a model's queue: an attempt at a job, named by its task id `<job_id>.<binding>`."""

from __future__ import annotations

from typing import Any

from celery import Task

from pointsman.router.broker.message import TASK, read_task_id

from .runtime import Runtime


class AttemptFailed(Exception):
    """Raised out of an attempt that ended without an answer, so that Celery and Flower show it as failed."""


class Awaited(Task):  # type: ignore[misc] # celery has no types
    """A task whose `arun` the pool awaits; Celery's tracer then takes the outcome from `run`."""

    ignore_result = True
    acks_late = True
    throws = (AttemptFailed,)

    def __init__(self) -> None:
        self.outcomes: dict[str, str | BaseException] = {}

    def run(self) -> str:
        """Return or raise what the attempt came to."""
        outcome = self.outcomes.pop(self.request.id, None)
        if outcome is None:
            raise RuntimeError(
                "an attempt runs only in the asyncio pool: worker_pool = pointsman.workers.pool:AsyncPool"
            )
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    @staticmethod
    def stopped() -> BaseException:
        """Return what Celery records of an attempt that was stopped from outside."""
        return AttemptFailed("stopped: the worker had to end the call")


class AttemptTask(Awaited):
    """Carries out one binding."""

    name = TASK

    def __init__(self) -> None:
        super().__init__()
        self.runtime: Runtime | None = None

    async def arun(self, task_id: str, request: dict[str, Any]) -> str:
        """Carry out the binding; returns how the job stands in one word, raises AttemptFailed with the reason."""
        job_id, binding = read_task_id(task_id)
        if self.runtime is None:
            raise RuntimeError("the worker's runtime is not open; run this task in a worker with the asyncio pool")
        report = await self.runtime.executor.attempt(job_id, binding, _model_of(request))
        if report.failed:
            raise AttemptFailed(report.words)
        return report.words


def _model_of(request: dict[str, Any]) -> str:
    """Return the model whose queue the message came from."""
    routing_key: str = (request.get("delivery_info") or {}).get("routing_key") or ""
    return routing_key.removeprefix("llm.")
