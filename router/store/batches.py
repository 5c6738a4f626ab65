"""Batches: create, look up, list, cancel; and what the process that looks after one needs."""

from __future__ import annotations

import asyncio
import json
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import Field

from ..vocabulary.batch import BATCH_MOVES, KEPT_FOR_SECONDS, BatchRecord, BatchStatus, line_job_id
from ..vocabulary.errors import Conflict, UnknownBatch
from ..vocabulary.frozen import Frozen
from ..vocabulary.job import JobRecord, JobSpec
from ..vocabulary.webhook import Webhook, pack_webhook, unpack_webhook
from .calls import AdvanceBatch, CancelBatch, CancelJob, ClaimBatch, CreateBatch, SubmitJob
from .connection import translated
from .jobs import JobStore
from .listen import listen
from .scripts import Scripts, milliseconds
from .server_clock import server_time

CANCELLABLE = tuple(status for status, after in BATCH_MOVES.items() if BatchStatus.CANCELLING in after)
COUNTS = ("line", "offset", "last_line", "total", "jobs", "refused", "succeeded", "failed", "expired", "cancelled")


class NewBatch(Frozen):
    """What a caller wants done: the lines of a file, within so many seconds."""

    input_file_id: str
    endpoint: str
    completion_window: str
    window_seconds: float
    metadata: dict[str, str] = Field(default_factory=dict)
    output_seconds: float = KEPT_FOR_SECONDS
    retry_of: str = ""
    webhook: Webhook | None = None


@dataclass(frozen=True)
class BatchLine:
    """One line of a batch as a job: its number, and the byte at which it begins in the input."""

    number: int
    offset: int
    spec: JobSpec


@dataclass(frozen=True)
class EndedLine:
    """A line that has ended; `job` is None where the line was refused, or the job's record has expired."""

    number: int
    offset: int
    job: JobRecord | None


@dataclass
class HeldBatch:
    """A batch that this process looks after until its lease runs out."""

    record: BatchRecord
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    steps: int = 0


class BatchStore:
    """Both sides of the batches in Redis."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs, self.redis, self.keys = jobs, jobs.redis, jobs.keys
        self._scripts = Scripts(jobs.redis, jobs.keys)
        self._lease_ms = milliseconds(jobs.settings.lease_seconds)
        self._result_ms = milliseconds(jobs.settings.result_ttl_seconds)

    async def create(self, new: NewBatch, *, batch_id: str, tenant: str, idempotency_key: str | None = None) -> str:
        """Write a batch and return its id; the same request under the same key returns the first id."""
        content = new.model_dump_json(exclude_none=True)
        window_ms = milliseconds(new.window_seconds)
        fields = {**new.model_dump(exclude={"metadata", "webhook"}), "metadata": json.dumps(new.metadata)}
        if fields_webhook := pack_webhook(new.webhook, self._jobs.settings.webhooks.get(tenant)):
            fields["webhook"] = fields_webhook
        call = CreateBatch(
            id=batch_id,
            tenant=tenant,
            fingerprint=content,
            idempotency=f"{tenant}|batch:{idempotency_key}" if idempotency_key else None,
            idempotency_ms=window_ms + self._result_ms,
            window_ms=window_ms,
            fields=_as_text(fields),
        )
        answer = await self._jobs.replicated.run(call)
        if answer.status == "conflict":
            raise Conflict(
                f"batch {answer.id} was created by another request under the same idempotency key",
                job_id=answer.id,
            )
        return answer.id

    async def get(self, batch_id: str) -> BatchRecord:
        """Return all that is known of a batch; raises UnknownBatch."""
        records = await self.get_many([batch_id])
        if records[0] is None:
            raise UnknownBatch(batch_id)
        return records[0]

    async def get_many(self, batch_ids: Sequence[str]) -> list[BatchRecord | None]:
        """Return the records in the same order, None for an unknown id."""
        with translated():
            pipeline = self.redis.pipeline(transaction=False)
            for batch_id in batch_ids:
                pipeline.hgetall(self.keys.key("batch", batch_id))
            rows: Any = await pipeline.execute()
        return [_read(batch_id, row) if row else None for batch_id, row in zip(batch_ids, rows, strict=True)]

    async def page(self, *, tenant: str | None, after: str | None, limit: int) -> list[BatchRecord]:
        """Return the newest batches of a tenant, or of all; those behind `after` where that is given."""
        key = self.keys.key("batches", tenant or "")
        with translated():
            start = 0
            if after is not None:
                rank: Any = await self.redis.zrevrank(key, after)
                start = rank + 1 if rank is not None else 0
            found: Any = await self.redis.zrange(key, start, start + limit - 1, desc=True)
        records = await self.get_many(found)
        gone = [name for name, record in zip(found, records, strict=True) if record is None]
        if gone:
            with translated():
                await self.redis.zrem(key, *gone)
        return [record for record in records if record is not None]

    async def cancel(self, batch_id: str) -> BatchStatus:
        """Let a batch be cancelled and return the status it is in now. Raises UnknownBatch."""
        answer = await self._scripts.run(CancelBatch(id=batch_id, cancellable=CANCELLABLE))
        if answer.after is None:
            raise UnknownBatch(batch_id)
        return BatchStatus(answer.after)

    async def ended_lines(self, batch_id: str, *, after: int, limit: int) -> list[EndedLine]:
        """Return lines in the order in which they ended, from place `after` of that order on."""
        with translated():
            found: Any = await self.redis.lrange(self.keys.key("ends", batch_id), after, after + limit - 1)
        lines = [(int(line), int(offset)) for offset, line in (entry.split(":") for entry in found)]
        jobs = await self._jobs.get_many([line_job_id(batch_id, line) for line, _ in lines])
        return [EndedLine(line, offset, job) for (line, offset), job in zip(lines, jobs, strict=True)]

    async def claim(self) -> HeldBatch | None:
        """Take over the batch that has waited longest, for one lease; None where none is due."""
        token = secrets.token_hex(8)
        batch_id = await self._scripts.run(ClaimBatch(token=token, lease_ms=self._lease_ms))
        return HeldBatch(await self.get(batch_id), token) if batch_id else None

    async def until_due(self) -> float:
        """Return after how many seconds a batch is due, where nothing happens before; infinity without one."""
        with translated():
            now = await server_time(self.redis, self.keys)
            first: Any = await self.redis.zrange(self.keys.key("open_batches"), 0, 0, withscores=True)
        return float(first[0][1]) / 1000 - now if first else math.inf

    async def listen(self, woken: asyncio.Event) -> None:
        """Set the event whenever a batch may be due; raises StoreUnavailable."""

        async def look() -> None:
            woken.set()

        await listen(self.redis, [self.keys.key("batch_due")], lambda *_: woken.set(), on_subscribed=look)

    async def advance(
        self,
        held: HeldBatch,
        to: BatchStatus | None = None,
        *,
        later_seconds: float | None = None,
        refused: Sequence[tuple[int, int]] = (),
        fields: Mapping[str, str | int] | None = None,
    ) -> bool:
        """Note how far a batch is and renew its lease; False where it is another's now, or its status changed.

        `refused` are numbers and places of lines. `later_seconds` gives the batch away until then.
        """
        before = held.record.status
        if to is not None and to not in BATCH_MOVES[before]:
            raise ValueError(f"no batch moves from {before} to {to}")
        held.steps += 1
        call = AdvanceBatch(
            id=held.record.id,
            token=held.token,
            step=held.steps,
            before=before,
            to=to,
            look_again_ms=self._lease_ms if later_seconds is None else milliseconds(later_seconds),
            kept_ms=milliseconds(KEPT_FOR_SECONDS) if to is not None and to.ended else None,
            refused=[f"{offset}:{number}" for number, offset in refused],
            fields=_as_text(fields or {}),
        )
        answer = await self._scripts.run(call)
        held.record = await self.get(held.record.id)
        return answer == (to or before)

    async def submit(self, batch: BatchRecord, lines: Sequence[BatchLine]) -> bool:
        """Submit lines as jobs; False where the batch takes no more. A line submitted before stays one job.

        A job may take what is left of the window, and its record is kept until the batch can be read as a whole.
        """
        left = max(1, milliseconds(-await self.seconds_late(batch)))
        keep = milliseconds(batch.window_seconds) + self._result_ms
        calls = [self._call(batch, line, left, keep) for line in lines]
        answers = await self._scripts.run_many(calls)
        return all(answer.status != "closed" for answer in answers)

    async def seconds_late(self, batch: BatchRecord) -> float:
        """Return for how long the window of a batch has been over, by Redis's clock; negative while it is open."""
        return await server_time(self.redis, self.keys) - batch.expires

    def _call(self, batch: BatchRecord, line: BatchLine, left: int, keep: int) -> SubmitJob:
        given = {"id": line_job_id(batch.id, line.number), "tenant": batch.tenant}
        call = self._jobs.call(line.spec.model_copy(update=given), batch=batch.id)
        if line.spec.webhook is not None:
            keep = max(keep, self._jobs.webhook_ms)
        return replace(call, takes_ms=left, keep_ms=keep, offset=line.offset)

    async def cancel_jobs(self, batch: BatchRecord, lines: Sequence[int]) -> None:
        """Cancel the jobs of these lines; those that have ended stay as they are."""
        why = "its batch was cancelled"
        ids = [line_job_id(batch.id, line) for line in lines]
        await self._scripts.run_many([CancelJob(id=id, result_ms=self._result_ms, reason=why) for id in ids])

    async def jobs(self, batch: BatchRecord, lines: Sequence[int]) -> Sequence[JobRecord | None]:
        """Return the jobs of these lines."""
        return await self._jobs.get_many([line_job_id(batch.id, line) for line in lines])


def _as_text(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items()}


def _read(batch_id: str, row: Mapping[str, str]) -> BatchRecord:
    moved = {BatchStatus(name[3:]): int(ms) / 1000 for name, ms in row.items() if name.startswith("at:")}
    plain = ("tenant", "status", "endpoint", "input_file_id", "completion_window", "retry_of", "output_file_id",
             "error_file_id", "window_seconds", "output_seconds", *COUNTS)  # fmt: skip
    parsed = {name: json.loads(row[name]) for name in ("metadata", "errors", "summary") if name in row}
    return BatchRecord.model_validate(
        {
            "id": batch_id,
            "created": int(row["created"]) / 1000,
            "expires": int(row["expires"]) / 1000,
            "moved": moved,
            "webhook": unpack_webhook(row.get("webhook", "")),
            **{name: row[name] for name in plain if name in row},
            **parsed,
        }
    )
