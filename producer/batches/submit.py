"""Makes jobs of lines. A line whose body cannot be done is refused alone; its batch goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pointsman.router.store import BatchLine, JobStore
from pointsman.router.vocabulary.batch import BatchRecord
from pointsman.router.vocabulary.errors import InvalidJob

from ..files.lines import Line
from ..vendor_apis.openai import JobRequest, Refused
from ..vendor_apis.openai.batch_line import ENDPOINTS, LineRequest, read_custom_id, read_request
from .check import digest

PRIORITY = 3
"""Lines give way to jobs that somebody waits for, whose priority is 5, unless they say otherwise."""


@dataclass(frozen=True)
class Made:
    """What became of a portion: lines to submit, and numbers and places of those refused."""

    lines: tuple[BatchLine, ...]
    refused: tuple[tuple[int, int], ...]


def only(wanted: frozenset[bytes], lines: Iterable[Line]) -> list[Line]:
    """Return the lines whose custom_id is wanted, for a batch that is a retry."""
    return [line for line in lines if digest(read_custom_id(line)) in wanted]


def make_jobs(batch: BatchRecord, lines: Iterable[Line], jobs: JobStore) -> Made:
    """Return the lines as jobs, or as refused."""
    made: list[BatchLine] = []
    refused: list[tuple[int, int]] = []
    for line in lines:
        request = read_request(line, batch.endpoint)
        try:
            spec = job_request(request, batch, jobs).spec
            made.append(BatchLine(line.number, line.offset, spec))
        except Refused:
            refused.append((line.number, line.offset))
    return Made(tuple(made), tuple(refused))


def job_request(request: LineRequest, batch: BatchRecord, jobs: JobStore) -> JobRequest:
    """Return what a line asks for as a job of the batch's tenant; raises Refused."""
    found = ENDPOINTS[batch.endpoint].read(request.body, jobs.catalog)
    lower = {} if "priority" in found.spec.model_fields_set else {"priority": PRIORITY}
    spec = found.spec.model_copy(update={"tenant": batch.tenant, **lower})
    try:
        jobs.check(spec)
    except InvalidJob as error:
        raise Refused(str(error), param=f"pointsman.{error.field}", code="invalid_value") from error
    return JobRequest(spec, found.ignored)
