"""Jobs as their callers see them: submit, look up, list, cancel."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic_core import PydanticSerializationError
from redis.asyncio import Redis

from ..config.settings import Settings
from ..routing.catalog import Catalog
from ..routing.decide import check_strategies
from ..routing.placement import find_lane
from ..routing.stranded import stranded_because
from ..vocabulary.errors import Conflict, InvalidJob, UnknownJob
from ..vocabulary.facts import JobFacts
from ..vocabulary.job import PAYLOAD_SCHEMA, TERMINAL, JobRecord, JobSpec, JobState, new_job_id
from ..vocabulary.webhook import Webhook, pack_webhook, retried_for_seconds
from .call_batcher import CallBatcher
from .calls import Accepted, CancelJob, ForgetJob, SubmitJob
from .compression import pack
from .connection import checked, readable, translated
from .keys import Keys
from .record import FIELDS, read_record
from .round_answer import parsed_lane
from .scripts import Scripts, milliseconds

log = logging.getLogger("pointsman.jobs")

LANE = FIELDS.index("lane")

KEPT_BECAUSE = {"open": "has not ended", "batch": "belongs to a batch"}
"""Why a job is not forgotten."""


@dataclass(frozen=True)
class Page:
    """One page of jobs, newest first; `cursor` asks for the next page, None at the end."""

    jobs: list[JobRecord]
    cursor: int | None


@dataclass(frozen=True)
class TextSoFar:
    """What the model has said so far, under which binding of the job."""

    binding: int
    text: str


class JobStore:
    """The producer's side of Redis."""

    def __init__(self, redis: Redis, *, settings: Settings, catalog: Catalog) -> None:
        self.redis, self.settings, self.catalog = redis, settings, catalog
        self.keys = Keys(settings.key_prefix)
        self._scripts = Scripts(redis, self.keys)
        self.replicated = Scripts(redis, self.keys, replicas=settings.redis_wait_replicas)
        self._together = CallBatcher(self.replicated, "submits") if settings.redis_wait_replicas else None

    async def submit(self, spec: JobSpec) -> str:
        """Accept a job and return its id; the same request under the same id or key returns the first id.

        Raises InvalidJob for an unknown class or model, Conflict for another request under a known id or key,
        StoreUnavailable when Redis is away.
        """
        return (await self.submit_many([spec]))[0]

    async def submit_many(self, specs: Sequence[JobSpec]) -> list[str]:
        """Accept many jobs in one round trip; nothing is written when one of them is invalid."""
        answers = await self._accept([self.call(spec) for spec in specs])
        for answer in answers:
            if answer.status == "conflict":
                raise Conflict(
                    f"job {answer.id} was submitted with another request under the same id or idempotency key",
                    job_id=answer.id,
                )
        return [answer.id for answer in answers]

    async def _accept(self, calls: Sequence[SubmitJob]) -> list[Accepted]:
        """Run the calls; where replicas are waited for, those of the same moment share the wait."""
        if self._together is None:
            return await self._scripts.run_many(calls)
        return await asyncio.gather(*map(self._together.run, calls))

    def check(self, spec: JobSpec) -> None:
        """Raise InvalidJob where the job names a task class, a model or a strategy that is not there."""
        classes = {**self.catalog.task_classes, **self.catalog.former_classes}
        if spec.task_class is not None and spec.task_class not in classes:
            raise InvalidJob(_unknown("task class", spec.task_class, classes), field="task_class")
        named = {**self.catalog.models, **self.catalog.aliases}
        if spec.model is not None and spec.model not in named:
            raise InvalidJob(_unknown("model", spec.model, named), field="model")
        if spec.strategy:
            self._check_strategy(spec)
        if spec.webhook is not None:
            self.check_webhook(spec.webhook, spec.tenant)

    def check_webhook(self, webhook: Webhook, tenant: str) -> None:
        """Raise InvalidJob where a webhook could not be signed, or names an address that may not be called."""
        if not self.settings.signing_secrets(tenant):
            raise InvalidJob("webhooks need a secret to sign with: set POINTSMAN_WEBHOOK_SECRETS", field="webhook")
        if webhook.refused(self.settings.webhook_allow):
            raise InvalidJob(
                "the address is not one of the public internet: see POINTSMAN_WEBHOOK_ALLOW", field="webhook"
            )

    def _check_strategy(self, spec: JobSpec) -> None:
        """A job may name what models.yaml names and what needs no dotted path, which would import anything."""
        try:
            check_strategies(self.catalog, spec)
        except ValueError as error:
            raise InvalidJob(str(error), field="strategy") from error

    def call(self, spec: JobSpec, *, batch: str | None = None) -> SubmitJob:
        """Return the call that submits a job; raises InvalidJob."""
        fingerprint = _fingerprint(spec)
        spec = self._with_current_names(spec)
        self.check(spec)
        chat = spec.chat()
        facts = replace(spec.facts(chat), schema=PAYLOAD_SCHEMA)
        settings = self.settings
        expires_in = spec.expires_in or settings.expires_in_seconds
        stream = '"stream":true,' if spec.stream else ""
        request = f'{{"schema":{PAYLOAD_SCHEMA},{stream}"chat":{chat.model_dump_json(exclude_none=True)}}}'
        webhook = self._webhook(spec, batch)
        return SubmitJob(
            id=spec.id or new_job_id(),
            fingerprint=fingerprint,
            idempotency=f"{spec.tenant}:{spec.idempotency_key}" if spec.idempotency_key else None,
            idempotency_ms=milliseconds(expires_in + max(settings.result_ttl_seconds, settings.dead_ttl_seconds)),
            lane=self._lane(spec, facts),
            priority=spec.priority,
            takes_ms=milliseconds(expires_in),
            not_before=None if spec.not_before is None else milliseconds(spec.not_before.timestamp()),
            request=pack(request),
            tenant=spec.tenant,
            facts=facts.dump(),
            max_attempts=spec.max_attempts or settings.max_attempts,
            metadata=json.dumps(spec.metadata) if spec.metadata else None,
            task_class=spec.task_class,
            pinned_model=spec.model,
            webhook=webhook,
            keep_ms=self.webhook_ms if webhook else None,
            batch=batch,
        )

    def _with_current_names(self, spec: JobSpec) -> JobSpec:
        """Return the job with what its class is called now."""
        now = self.catalog.current_class(spec.task_class or "") or None
        return spec if now == spec.task_class else spec.model_copy(update={"task_class": now})

    def _lane(self, spec: JobSpec, facts: JobFacts) -> str:
        """Return the job's lane, '' for intake: there it gets a class, or its end where no model can do it."""
        if spec.task_class is None and spec.model is None:
            return ""
        placement = find_lane(self.catalog, facts, task_class=spec.task_class, named=spec.model, tenant=spec.tenant)
        return str(placement.lane or "")

    def _webhook(self, spec: JobSpec, batch: str | None) -> str | None:
        """Return the webhook of the job's end; None for most jobs.

        A batch notifies the tenant's own webhook once, and not for each of its lines.
        """
        return pack_webhook(spec.webhook, None if batch else self.settings.webhooks.get(spec.tenant)) or None

    @property
    def webhook_ms(self) -> int:
        """For how long the record of a job with a webhook is kept at least."""
        return milliseconds(retried_for_seconds(self.settings.webhook_waits_seconds))

    async def get(self, job_id: str) -> JobRecord:
        """Return all that is known of a job; raises UnknownJob."""
        records = await self.get_many([job_id])
        if records[0] is None:
            raise UnknownJob(job_id)
        return records[0]

    async def get_many(self, job_ids: Sequence[str]) -> list[JobRecord | None]:
        """Return the records in the same order, None for an id that is unknown or whose record is no use."""
        if not job_ids:
            return []
        with translated():
            pipeline = self.redis.pipeline(transaction=False)
            for job_id in job_ids:
                pipeline.hmget(self.keys.key("job", job_id), FIELDS)
                pipeline.lrange(self.keys.key("history", job_id), 0, -1)
                pipeline.mget(self.keys.key("decision", job_id), self.keys.result(job_id))
            rows = await pipeline.execute(raise_on_error=False)
            return [self._record(job_id, *rows[3 * at : 3 * at + 3]) for at, job_id in enumerate(job_ids)]

    def _record(self, job_id: str, *rows: Any) -> JobRecord | None:
        """Return the record of one job; damage to it, or to what a newer version wrote, concerns no other job."""
        try:
            fields, *more = map(checked, rows)
            return self._explained(read_record(job_id, fields, *more), fields[LANE]) if any(fields) else None
        except (LookupError, ValueError, TypeError) as error:
            log.warning("the record of job %s cannot be read: %s", job_id, error)
            return None

    def _explained(self, record: JobRecord, lane_name: str | None) -> JobRecord:
        """Return the record; for a job that waits for nobody, with a decision that says so."""
        lane = parsed_lane(lane_name or "")
        why = stranded_because(lane, self.catalog) if lane and record.state is JobState.PENDING else None
        if why is None:
            return record
        return record.model_copy(update={"decision": {"model": None, "strategy": "-", "reason": why}})

    async def text_so_far(self, job_id: str) -> TextSoFar | None:
        """Return what a running job's model has said so far, None where there is nothing or the job has ended."""
        with translated():
            pipeline = self.redis.pipeline(transaction=True)
            pipeline.hget(self.keys.key("job", job_id), "streamed")
            pipeline.get(self.keys.key("streamed_text", job_id))
            binding, text = await pipeline.execute()
        return None if binding is None or text is None else TextSoFar(int(binding), text)

    async def position(self, job_id: str) -> int | None:
        """Return a waiting job's place in its lane, or in intake, from 1; None where it does not stand in line."""
        with translated():
            lane: Any = await self.redis.hget(self.keys.key("job", job_id), "lane")
            line = self.keys.key("lane", lane) if lane else self.keys.key("intake")
            ahead: Any = await self.redis.zrank(line, job_id)
        return None if ahead is None else int(ahead) + 1

    async def ended(self, job_ids: Sequence[str], *, tenant: str | None = None) -> Sequence[JobRecord]:
        """Return the records of those that have ended, in the order of their ends.

        Raises UnknownJob, also for a job of another tenant where one is given.
        """
        with translated():
            pipeline = self.redis.pipeline(transaction=False)
            for job_id in job_ids:
                pipeline.hmget(self.keys.key("job", job_id), "state", "tenant")
            found: Any = await pipeline.execute(raise_on_error=False) if job_ids else ()
            rows = [readable(row, instead=(None, None)) for row in found]
        for job_id, (state, owner) in zip(job_ids, rows, strict=True):
            if state is None or tenant not in (None, owner):
                raise UnknownJob(job_id)
        ids = [job_id for job_id, (state, _) in zip(job_ids, rows, strict=True) if state in TERMINAL]
        records = [record for record in await self.get_many(ids) if record is not None and record.done]
        return sorted(records, key=lambda record: record.finished or 0.0)

    async def list(self, state: JobState, *, limit: int = 50, cursor: int | None = None) -> Page:
        """Return jobs in one state, the last submitted first."""
        below = f"({cursor}" if cursor is not None else "+inf"
        with translated():
            found: Any = await self.redis.zrange(
                self.keys.key("state", state), below, "-inf", desc=True, byscore=True, offset=0, num=limit,
                withscores=True,
            )  # fmt: skip
        records = await self.get_many([job_id for job_id, _ in found])
        jobs = [record for record in records if record is not None and record.state is state]
        return Page(jobs, int(found[-1][1]) if len(found) == limit else None)

    async def cancel(self, job_id: str, *, reason: str = "cancelled by its caller") -> JobState:
        """Cancel a job and return the state it is in now: an ended job stays as it is. Raises UnknownJob."""
        result_ms = milliseconds(self.settings.result_ttl_seconds)
        answer = await self._scripts.run(CancelJob(id=job_id, result_ms=result_ms, reason=reason))
        if answer.after is None:
            raise UnknownJob(job_id)
        return JobState(answer.after)

    async def forget(self, job_id: str) -> None:
        """Delete a job that has ended with all that is kept of it.

        Raises UnknownJob, and Conflict for one that has not ended or belongs to a batch.
        """
        answer = await self._scripts.run(ForgetJob(id=job_id))
        if answer == "unknown":
            raise UnknownJob(job_id)
        if answer != "forgotten":
            raise Conflict(f"job {job_id} {KEPT_BECAUSE[answer]}", job_id=job_id)


def _fingerprint(spec: JobSpec) -> str:
    try:
        content = spec.model_dump_json(exclude={"id", "idempotency_key", "stream"}, exclude_none=True)
    except PydanticSerializationError as error:  # JSON can carry a lone surrogate, UTF-8 cannot
        field = "prompt" if spec.prompt is not None else "request"
        raise InvalidJob("the text is not valid Unicode: half of a surrogate pair", field=field) from error
    return urlsafe_b64encode(hashlib.sha256(content.encode()).digest()[:15]).decode()


def _unknown(what: str, name: str, known: Mapping[str, Any]) -> str:
    return f"no {what} is called {name!r} (there are: {', '.join(sorted(known))})"
