"""The worker's side of Redis: claim, renew, settle, release, and presence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json
from redis.asyncio import Redis

from ..config.settings import Settings
from ..vocabulary.allowance import Allowance, Left
from ..vocabulary.errors import COUNT_AGAINST_MODEL
from ..vocabulary.job import PAYLOAD_SCHEMA, JobState
from ..vocabulary.lanes import split_names
from ..vocabulary.model import Breaker
from .call_batcher import CallBatcher
from .calls import (
    AnnounceWorker,
    AppendTokens,
    BreakerRules,
    CancelJob,
    ClaimJob,
    DeferJobs,
    FaultJobs,
    FaultyJob,
    HeldJob,
    LaterJob,
    Offer,
    ReleaseJob,
    Remaining,
    RenewLeases,
    Reported,
    SettleJob,
    StreamedPiece,
    WithdrawWorker,
)
from .compression import unpack
from .keys import Keys
from .record import read_decision
from .scripts import Scripts, milliseconds
from .server_clock import ServerClock


@dataclass(frozen=True)
class Claim:
    """A claimed job. `payload` is the decoded payload; `timeout_seconds` what the attempt may take;
    `limited_by_deadline` says that a timeout is the job's own deadline; `attempt` counts from 1;
    `failed_by` are the models that failed the job, the last one last."""

    job_id: str
    binding: int
    payload: dict[str, Any]
    attempt: int
    timeout_seconds: float
    limited_by_deadline: bool
    max_attempts: int
    rate_limits: int
    lane: str
    decision: dict[str, Any]
    failed_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settlement:
    """How an attempt ends. `state` is succeeded, failed, expired or pending; times are in seconds.

    `stop` closes the model: `paused` until an operator resumes it, `down` until its key (`key_print`) changes or a
    probe is answered; where it is not `certain` that the refusal was the key's or the account's, only after several
    jobs in a row. `refused` counts as a refusal instead of as an attempt.
    `breaker` has the rules by which the model's own faults close it, None for never.
    `allowance` is what the vendor's reply says of the requests and tokens that are left.
    """

    state: JobState
    attempt: dict[str, Any]
    result: dict[str, Any] | None = None
    kind: str = ""
    message: str = ""
    lane: str = ""
    wait_seconds: float = 0.0
    spends_attempt: bool = True
    tokens: int | None = None
    output_tokens: int = 0
    latency_seconds: float | None = None
    cost_usd: float | None = None
    cool_seconds: float = 0.0
    stop: str = ""
    key_print: str = ""
    certain: bool = True
    refused: bool = False
    breaker: Breaker | None = None
    allowance: Allowance = field(default_factory=Allowance)


class AttemptStore:
    """Runs the worker's scripts."""

    def __init__(self, redis: Redis, *, settings: Settings) -> None:
        self.redis, self.settings = redis, settings
        self.keys = Keys(settings.key_prefix)
        self._scripts = Scripts(redis, self.keys)
        self._clock = ServerClock()
        self._claims = CallBatcher(self._scripts, "claim_job")
        self._settles = CallBatcher(self._scripts, "settle_job")

    async def claim(
        self, job_id: str, binding: int, *, token: str, worker: str, timeout_seconds: float,
        now: int | None = None,
    ) -> Claim | None:  # fmt: skip
        """Claim a binding; None when it is stale, its model is closed, or its job is too new or has just expired.

        Raises ValueError where the job's payload cannot be read.
        """
        call = ClaimJob(
            now=now,
            expected=self._clock.expected(),
            id=job_id,
            binding=binding,
            token=token,
            worker=worker,
            schema=PAYLOAD_SCHEMA,
            lease_ms=milliseconds(self.settings.lease_seconds),
            timeout_ms=milliseconds(timeout_seconds),
            dead_ms=milliseconds(self.settings.dead_ttl_seconds),
        )
        answer = await self._claims.run(call)
        if answer.status != "claimed":
            return None
        return Claim(
            job_id=job_id,
            binding=binding,
            payload=_payload(answer.request or ""),
            attempt=answer.attempt,
            timeout_seconds=answer.timeout_ms / 1000,
            limited_by_deadline=answer.at_deadline,
            max_attempts=answer.max_attempts,
            rate_limits=answer.rate_limits,
            lane=answer.lane,
            decision=read_decision(answer.decision) or {},
            failed_by=split_names(answer.failed_by),
        )

    async def renew(self, held: Sequence[HeldJob], *, now: int | None = None) -> list[HeldJob]:
        """Renew the leases of all jobs in flight in one round trip; returns those whose lease is lost."""
        lease_ms = milliseconds(self.settings.lease_seconds)
        call = RenewLeases(now=now, expected=self._clock.expected(), lease_ms=lease_ms, jobs=held)
        answers = await self._scripts.run(call)
        return [job for job, kept in zip(held, answers, strict=True) if not kept]

    async def append_tokens(self, pieces: Sequence[StreamedPiece]) -> list[bool]:
        """Add to what running jobs have said and tell their followers; False where a binding is stale.

        Safe to repeat, also with a piece that has grown: what is there already is passed over.
        """
        return await self._scripts.run(AppendTokens(pieces=pieces))

    async def settle(
        self, job_id: str, binding: int, *, token: str, settlement: Settlement, now: int | None = None
    ) -> JobState | None:
        """End an attempt; returns the job's state, or None where the binding was stale."""
        call = SettleJob(
            now=now,
            expected=self._clock.expected(),
            id=job_id,
            binding=binding,
            token=token,
            state=settlement.state,
            result=json.dumps(settlement.result) if settlement.result is not None else "",
            kind=settlement.kind,
            message=settlement.message,
            attempt=settlement.attempt,
            lane=settlement.lane,
            wait_ms=milliseconds(settlement.wait_seconds),
            spends_attempt=settlement.spends_attempt,
            tokens=settlement.tokens,
            output_tokens=settlement.output_tokens,
            latency_ms=_milliseconds(settlement.latency_seconds),
            cost_micro_usd=round((settlement.cost_usd or 0.0) * 1_000_000),
            cool_ms=milliseconds(settlement.cool_seconds),
            stop=settlement.stop,
            key_print=settlement.key_print,
            certain=settlement.certain,
            refused=settlement.refused,
            fault=_fault(settlement.kind),
            breaker=_rules(settlement.breaker),
            reported=_reported(settlement.allowance),
            result_ms=milliseconds(self.settings.result_ttl_seconds),
            dead_ms=milliseconds(self.settings.dead_ttl_seconds),
        )
        answer = await self._settles.run(call)
        return None if answer == "stale" else answer

    async def release(self, job_id: str, binding: int) -> bool:
        """Give an unclaimed binding back to its lane; False where it was stale."""
        return await self._scripts.run(ReleaseJob(id=job_id, binding=binding)) == "released"

    async def put_aside(self, job_id: str, binding: int, message: str, *, for_good: bool) -> None:
        """Count a fault of a job under a binding: it waits, or ends in quarantine; a stale one is left alone."""
        job = FaultyJob(id=job_id, binding=binding, message=message, for_good=for_good)
        dead_ms = milliseconds(self.settings.dead_ttl_seconds)
        await self._scripts.run(FaultJobs(dead_ms=dead_ms, jobs=[job]))

    async def defer(self, job_id: str, binding: int, why: str) -> None:
        """Let a claimed job that this worker cannot read wait for others; a stale one is left alone."""
        dead_ms = milliseconds(self.settings.dead_ttl_seconds)
        await self._scripts.run(DeferJobs(dead_ms=dead_ms, jobs=[LaterJob(id=job_id, binding=binding, why=why)]))

    async def cancel(self, job_id: str, reason: str) -> JobState | None:
        """Cancel a job, wherever it is, and return its state now: an ended one stays as it is, None is unknown."""
        result_ms = milliseconds(self.settings.result_ttl_seconds)
        found = await self._scripts.run(CancelJob(id=job_id, result_ms=result_ms, reason=reason))
        return JobState(found.after) if found.after else None

    async def announce(self, worker: str, offers: Sequence[Offer], *, config: str) -> None:
        """Say that this process lives and what it offers; forgotten after `presence_seconds`."""
        presence_ms = milliseconds(self.settings.presence_seconds)
        call = AnnounceWorker(
            expected=self._clock.expected(),
            worker=worker,
            presence_ms=presence_ms,
            config=config,
            schema=PAYLOAD_SCHEMA,
            offers=offers,
        )
        asked_at = self._clock.monotonic()
        self._clock.saw((await self._scripts.run(call)).now, asked_at=asked_at)

    async def withdraw(self, worker: str, models: Sequence[str]) -> None:
        """Take this process's slots away at once."""
        await self._scripts.run(WithdrawWorker(worker=worker, models=models))


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else milliseconds(seconds)


def _fault(kind: str) -> bool | None:
    """Return whether an error is the model's own fault, None for one that says nothing about it."""
    if not kind:
        return False
    return True if kind in COUNT_AGAINST_MODEL else None


def _payload(request: str) -> dict[str, Any]:
    """Return what the worker gets; raises ValueError where it is gone or damaged."""
    if not request:
        raise ValueError("the payload is gone")
    return dict(from_json(unpack(request)))


def _rules(breaker: Breaker | None) -> BreakerRules:
    if breaker is None:
        return BreakerRules()
    return BreakerRules(
        window_ms=milliseconds(breaker.window_seconds),
        min_calls=breaker.min_calls,
        error_ratio=breaker.error_ratio,
        open_ms=milliseconds(breaker.open_seconds),
        max_open_ms=milliseconds(breaker.max_open_seconds),
        probes=breaker.probes,
        suspect_after=breaker.suspect_after,
    )


def _reported(allowance: Allowance) -> Reported:
    return Reported(requests=_remaining(allowance.requests), tokens=_remaining(allowance.tokens))


def _remaining(left: Left | None) -> Remaining | None:
    return None if left is None else Remaining(count=left.count, reset_ms=milliseconds(left.seconds))
