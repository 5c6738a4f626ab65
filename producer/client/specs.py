"""Makes job specs from what a caller gives: a prompt, fields, or a spec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.errors import InvalidJob
from pointsman.router.vocabulary.job import JobSpec, new_job_id
from pointsman.router.vocabulary.webhook import Webhook

from .chat_fields import invalid_job, split, with_parameters


class JobFields(TypedDict, total=False):
    """The fields of a job beside its prompt; `messages` is short for a `request` that has nothing else."""

    system: str | None
    request: ChatRequest | Mapping[str, Any] | None
    messages: list[dict[str, Any]] | None
    task_class: str | None
    model: str | None
    priority: int
    tenant: str
    idempotency_key: str | None
    expires_in: float | None
    not_before: datetime | float | str | None
    max_attempts: int | None
    metadata: dict[str, str]
    strategy: str | Sequence[str]
    metric: str | None
    affinity_key: str | None
    context: dict[str, Any]
    max_cost_usd: float | None
    stream: bool
    webhook: Webhook | Mapping[str, Any] | str | None
    id: str | None


class ChatFields(TypedDict, total=False):
    """The parameters of a chat request, which may stand beside the fields of a job."""

    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    stop: str | Sequence[str] | None
    seed: int | None
    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: str | Mapping[str, Any] | None
    parallel_tool_calls: bool | None
    response_format: Mapping[str, Any] | None
    reasoning_effort: str | None
    thinking: Mapping[str, Any] | None
    verbosity: str | None


class SubmitFields(JobFields, ChatFields, total=False):
    """All that may stand beside a prompt."""


class DeadFields(TypedDict, total=False):
    """Which dead letters, as in DeadFilter: one `kind` or several, times in Unix seconds."""

    kind: str | Sequence[str]
    since: float | None
    until: float | None
    model: str | None
    task_class: str | None
    tenant: str | None


Job = str | JobSpec | Mapping[str, Any]
"""What can be submitted: a prompt, a spec, or the fields of a spec as a mapping."""


def make_spec(job: Job | None, fields: Mapping[str, Any]) -> JobSpec:
    """Return the spec with `fields` over it, and an id; raises InvalidJob naming the field that is wrong.

    Parameters of the chat request may stand among them, such as `temperature`: then the prompt becomes a request.
    The id is chosen here, before anything is sent, so that a submit that is sent twice makes one job.
    """
    given, parameters = split({**_given(job), **fields})
    given["id"] = given.get("id") or new_job_id()
    try:
        spec = with_parameters(JobSpec.model_validate(given), parameters)
        spec.model_dump_json()
    except ValidationError as error:
        raise invalid_job(error) from error
    except PydanticSerializationError as error:
        field = "prompt" if spec.prompt is not None else "request"
        raise InvalidJob(
            f"{field}: the text is not valid Unicode: half of a surrogate pair", field=field
        ) from error
    return spec


def _given(job: Job | None) -> dict[str, Any]:
    if job is None:
        return {}
    if isinstance(job, str):
        return {"prompt": job}
    if isinstance(job, JobSpec):
        return {name: getattr(job, name) for name in job.model_fields_set}
    return dict(job)


JOBS = 500
"""Jobs in one portion: half of what the API takes, a few ms of Redis's time."""
FIELDS_BYTES = 500
BYTES = 4_000_000
"""Size of one portion; the API refuses bodies over 10 MB by default."""


def portions(specs: Iterable[JobSpec], *, jobs: int = JOBS, size: int = BYTES) -> Iterator[list[JobSpec]]:
    """Yield the jobs in order, at most `jobs` and about `size` bytes at once; a larger job goes alone."""
    portion: list[JobSpec] = []
    taken = 0
    for spec in specs:
        needs = _size(spec)
        if portion and (len(portion) >= jobs or taken + needs > size):
            yield portion
            portion, taken = [], 0
        portion.append(spec)
        taken += needs
    if portion:
        yield portion


def _size(spec: JobSpec) -> int:
    """Return about how many bytes a job is as JSON; a prompt is only measured, for to write it costs much more."""
    if spec.prompt is None:
        return len(spec.model_dump_json(exclude_none=True).encode())
    return FIELDS_BYTES + 2 * len(spec.prompt) + 2 * len(spec.system or "")
