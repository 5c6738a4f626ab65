"""Reads the jobs that have no lane yet, each of them alone: what is wrong with one holds up none of the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import redis.exceptions as failures
from pydantic_core import from_json
from redis.asyncio import Redis

from ..routing.fault import Fault, fault_of
from ..routing.placement import INTAKE, IntakeJob
from ..vocabulary.facts import read_facts
from .compression import unpack
from .connection import checked, translated
from .keys import Keys

log = logging.getLogger("pointsman.dispatcher")

MOST_TOKENS = 250_000
"""About a megabyte of text; its size in Redis tells little, since it is deflated there."""

FIELDS = ("tenant", "facts", "task_class", "pinned_model")

Read = TypeVar("Read")


@dataclass(frozen=True)
class Intake:
    """The first jobs of intake, and those among them that cannot be read."""

    jobs: list[IntakeJob]
    faults: list[Fault]


async def read_intake(redis: Redis, keys: Keys, *, limit: int) -> Intake:
    """Return the first jobs of intake, within the limits of number and text."""
    with translated():
        ids: Any = await redis.zrange(keys.key("intake"), 0, limit - 1)
        rows = await _of_each(redis, [keys.key("job", job_id) for job_id in ids], "hmget", *FIELDS)
        known, faults = _each_alone(zip(ids, rows, strict=True), _intake_job)
        few = _within(MOST_TOKENS, known)
        requests = await _of_each(redis, [keys.key("request", job.id) for job in few], "get")
        both = ((job.id, (job, request)) for job, request in zip(few, requests, strict=True))
        jobs, more_faults = _each_alone(both, _with_payload)
    return Intake(jobs, [*faults, *more_faults])


async def _of_each(redis: Redis, names: Sequence[str], command: str, *fields: str) -> list[Any]:
    """Run a command on each key, in one round trip; errors stand among the answers."""
    pipeline = redis.pipeline(transaction=False)
    for name in names:
        getattr(pipeline, command)(name, *fields)
    return list(await pipeline.execute(raise_on_error=False)) if names else []


def _each_alone(
    rows: Iterable[tuple[str, Any]], read: Callable[[str, Any], Read]
) -> tuple[list[Read], list[Fault]]:
    """Return what `read` makes of each job's row, and the faults of those where it fails."""
    found: list[Read] = []
    faults: list[Fault] = []
    for job_id, row in rows:
        try:
            found.append(read(job_id, row))
        except failures.RedisError:
            raise
        except Exception as error:  # one job's trouble, whatever it is, must not hold up the others
            faults.append(fault_of(job_id, INTAKE, "reading what is known of it", error))
    return found, faults


def _intake_job(job_id: str, row: Any) -> IntakeJob:
    tenant, facts, task_class, named = checked(row)
    if tenant is None:
        raise LookupError("its record is gone")
    return IntakeJob(job_id, tenant, {}, read_facts(facts or ""), task_class, named)


def _with_payload(_: str, row: tuple[IntakeJob, Any]) -> IntakeJob:
    job, request = row
    if not checked(request):
        raise LookupError("its request is gone")
    return replace(job, payload=_decoded(request))


def _decoded(request: str) -> dict[str, Any]:
    try:
        return dict(from_json(unpack(request)))
    except (ValueError, TypeError):
        log.warning("a payload cannot be read; its job gets the default class")
        return {}


def _within(most: int, jobs: Sequence[IntakeJob]) -> list[IntakeJob]:
    """Return the first jobs whose input tokens together stay within `most`; one at least."""
    taken: list[IntakeJob] = []
    for job in jobs:
        most -= job.facts.input_tokens
        if taken and most < 0:
            break
        taken.append(job)
    return taken
