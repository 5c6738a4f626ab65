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
from ..vocabulary.model import Breaker
from .call_batcher import CallBatcher
from .compression import unpack
from .keys import Keys
from .scripts import Argument, Scripts, milliseconds, moment


@dataclass(frozen=True)
class Claim:
    """A claimed job. `payload` is the decoded payload; `timeout_seconds` what the attempt may take;
    `limited_by_deadline` says that a timeout is the job's own deadline; `attempt` counts from 1."""

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


@dataclass(frozen=True)
class HeldJob:
    """A job in flight in this process."""

    model: str
    job_id: str
    binding: int


@dataclass(frozen=True)
class StreamedPiece:
    """A piece of the answer of a job that is streamed; `offset` is the bytes of UTF-8 that went before it."""

    job_id: str
    binding: int
    offset: int
    text: str


@dataclass(frozen=True)
class Settlement:
    """How an attempt ends. `state` is succeeded, failed, expired or pending; times are in seconds.

    `stop` closes the model: `paused` until an operator resumes it, `down` until its key (`key_print`) changes.
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
    tokens: int = -1
    output_tokens: int = 0
    latency_seconds: float | None = None
    cost_usd: float | None = None
    cool_seconds: float = 0.0
    stop: str = ""
    key_print: str = ""
    breaker: Breaker | None = None
    allowance: Allowance = field(default_factory=Allowance)


@dataclass(frozen=True)
class Offer:
    """What a worker offers for one model: slots, and the fingerprint of the API key it would use."""

    model: str
    slots: int
    key_print: str


class AttemptStore:
    """Runs the worker's scripts."""

    def __init__(self, redis: Redis, *, settings: Settings) -> None:
        self.redis, self.settings = redis, settings
        self.keys = Keys(settings.key_prefix)
        self._scripts = Scripts(redis, self.keys)
        self._claims = CallBatcher(self._scripts, "claim_job")
        self._settles = CallBatcher(self._scripts, "settle_job")

    async def claim(
        self, job_id: str, binding: int, *, token: str, worker: str, timeout_seconds: float,
        now: int | None = None,
    ) -> Claim | None:  # fmt: skip
        """Claim a binding; None when it is stale, its model is closed, or its job has just expired."""
        answer = await self._claims.run(
            moment(now),
            job_id,
            binding,
            token,
            worker,
            milliseconds(self.settings.lease_seconds),
            milliseconds(timeout_seconds),
            milliseconds(self.settings.dead_ttl_seconds),
        )
        if answer[0] != "claimed":
            return None
        _, request, attempt, timeout_ms, at_deadline, most, limited, lane, decision, _ = answer
        return Claim(
            job_id=job_id,
            binding=binding,
            payload=_payload(request),
            attempt=int(attempt),
            timeout_seconds=int(timeout_ms) / 1000,
            limited_by_deadline=at_deadline == 1,
            max_attempts=int(most),
            rate_limits=int(limited),
            lane=lane,
            decision=from_json(decision or "{}"),
        )

    async def renew(self, held: Sequence[HeldJob], *, now: int | None = None) -> list[HeldJob]:
        """Renew the leases of all jobs in flight in one round trip; returns those whose lease is lost."""
        flat: list[Argument] = []
        for job in held:
            flat += [job.model, job.job_id, job.binding]
        lease_ms = milliseconds(self.settings.lease_seconds)
        answers = await self._scripts.run("renew_leases", moment(now), lease_ms, *flat)
        return [job for job, kept in zip(held, answers, strict=True) if not kept]

    async def append_tokens(self, pieces: Sequence[StreamedPiece]) -> list[bool]:
        """Add to what running jobs have said and tell their followers; False where a binding is stale.

        Safe to repeat, also with a piece that has grown: what is there already is passed over.
        """
        flat: list[Argument] = []
        for piece in pieces:
            flat += [piece.job_id, piece.binding, piece.offset, piece.text]
        return [bool(kept) for kept in await self._scripts.run("append_tokens", *flat)]

    async def settle(
        self, job_id: str, binding: int, *, token: str, settlement: Settlement, now: int | None = None
    ) -> JobState | None:
        """End an attempt; returns the job's state, or None where the binding was stale."""
        answer = await self._settles.run(
            moment(now),
            job_id,
            binding,
            token,
            settlement.state,
            json.dumps(settlement.result) if settlement.result is not None else "",
            settlement.kind,
            settlement.message,
            json.dumps(settlement.attempt),
            settlement.lane,
            milliseconds(settlement.wait_seconds),
            0 if settlement.spends_attempt else 1,
            settlement.tokens,
            -1 if settlement.latency_seconds is None else milliseconds(settlement.latency_seconds),
            round((settlement.cost_usd or 0.0) * 1_000_000),
            milliseconds(settlement.cool_seconds),
            settlement.stop,
            settlement.key_print,
            milliseconds(self.settings.result_ttl_seconds),
            _fault(settlement.kind),
            settlement.output_tokens,
            *_rules(settlement.breaker),
            milliseconds(self.settings.dead_ttl_seconds),
            _allowance_json(settlement.allowance),
        )
        return None if answer[0] == "stale" else JobState(answer[0])

    async def release(self, job_id: str, binding: int) -> bool:
        """Give an unclaimed binding back to its lane; False where it was stale."""
        answer = await self._scripts.run("release_job", job_id, binding)
        return bool(answer[0] == "released")

    async def cancel(self, job_id: str, reason: str) -> None:
        """Cancel a job, wherever it is; an unknown or ended one is left alone."""
        ttl = milliseconds(self.settings.result_ttl_seconds)
        await self._scripts.run("cancel_job", "", job_id, ttl, reason)

    async def announce(self, worker: str, offers: Sequence[Offer], *, config: str) -> None:
        """Say that this process lives and what it offers; forgotten after `presence_seconds`."""
        flat: list[Argument] = []
        for offer in offers:
            flat += [offer.model, offer.slots, offer.key_print]
        presence_ms = milliseconds(self.settings.presence_seconds)
        await self._scripts.run("announce_worker", "", worker, presence_ms, config, *flat)

    async def withdraw(self, worker: str, models: Sequence[str]) -> None:
        """Take this process's slots away at once."""
        await self._scripts.run("withdraw_worker", worker, *models)


def _fault(kind: str) -> str:
    """Return '1' for an error of the model's own fault, '0' for an answer, '' for what says nothing about it."""
    if not kind:
        return "0"
    return "1" if kind in COUNT_AGAINST_MODEL else ""


def _payload(request: str) -> dict[str, Any]:
    """Return what the worker gets; what cannot be read is taken for something newer, which goes back to wait."""
    try:
        return dict(from_json(unpack(request)))
    except ValueError:
        return {"schema": PAYLOAD_SCHEMA + 1}


def _rules(breaker: Breaker | None) -> list[Argument]:
    if breaker is None:
        return [1, 0, 1, 1, 1, 1]
    return [
        milliseconds(breaker.window_seconds),
        breaker.min_calls,
        breaker.error_ratio,
        milliseconds(breaker.open_seconds),
        milliseconds(breaker.max_open_seconds),
        breaker.probes,
    ]


def _allowance_json(allowance: Allowance) -> str:
    """Return what is left as the JSON of the script: nothing stands for what the vendor did not say."""
    reported: dict[str, Left | None] = {"requests": allowance.requests, "tokens": allowance.tokens}
    return json.dumps({what: [left.count, milliseconds(left.seconds)] for what, left in reported.items() if left})
