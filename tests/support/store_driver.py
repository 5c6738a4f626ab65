"""Drives the scripts of all three sides with a clock of its own, and reads back what Redis holds."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from redis.asyncio import Redis

from pointsman.router.broker.message import message_template
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.decide import Decision, Waiting
from pointsman.router.routing.plan import Bind, Round
from pointsman.router.store import AttemptStore, Claim, HeldJob, JobStore, Offer, RoundStore, Settlement
from pointsman.router.store.calls import AnnounceWorker, CancelJob, Change, RetryJob
from pointsman.router.store.scripts import Scripts
from pointsman.router.vocabulary.facts import read_facts
from pointsman.router.vocabulary.job import PAYLOAD_SCHEMA, JobRecord, JobSpec, JobState
from pointsman.router.vocabulary.lanes import Lane

START = 1_800_000_000_000
RESULT = {"answer": {"text": "42", "finish_reason": "stop"}, "model": "gpt-4", "seconds": 0.5}


LARGE_BYTES = 40_000_000
"""More than the 32 MB that Redis holds for one subscriber by default."""


def large_result() -> dict[str, Any]:
    """Return a result that is larger than a subscription can hold."""
    return {**RESULT, "answer": {"text": "x" * LARGE_BYTES, "finish_reason": "stop"}}


def success(**more: Any) -> Settlement:
    """Return the settlement of an attempt that went well."""
    return Settlement(
        state=JobState.SUCCEEDED, attempt={"number": 1, "binding": 1, "model": "gpt-4"}, result=RESULT, **more
    )


def failure(kind: str = "server_error", state: JobState = JobState.FAILED, **more: Any) -> Settlement:
    """Return the settlement of an attempt that failed; with state PENDING the job is to be tried again."""
    attempt = {"number": 1, "binding": 1, "model": "gpt-4", "kind": kind, "reason": "it broke"}
    return Settlement(state=state, attempt=attempt, kind=kind, message="it broke", **more)


class Driver:
    """One clock, one set of keys, every verb. `now` is in milliseconds and moves only by `pass_seconds`."""

    def __init__(self, redis: Redis, *, settings: Settings, catalog: Catalog) -> None:
        self.now = START
        self.redis, self.settings, self.catalog = redis, settings, catalog
        self.jobs = JobStore(redis, settings=settings, catalog=catalog)
        self.rounds = RoundStore(redis, settings=settings, catalog=catalog)
        self.work = AttemptStore(redis, settings=settings)
        self.keys = self.jobs.keys
        self.scripts = Scripts(redis, self.keys)
        self.templates = {name: message_template(model.queue) for name, model in catalog.models.items()}

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * 1000)

    async def submit(self, prompt: str = "What is the answer?", **fields: Any) -> str:
        """Submit a job, of class technical_support unless said otherwise, and return its id."""
        if "model" not in fields:
            fields.setdefault("task_class", "technical_support")
        call = self.jobs.call(JobSpec(prompt=prompt, **fields))
        answer = await self.scripts.run(replace(call, now=self.now))
        assert answer.status == "accepted", answer
        return answer.id

    async def announce(
        self, model: str = "gpt-4", slots: int = 4, *, worker: str = "w1", key_print: str = "",
        schema: int = PAYLOAD_SCHEMA,
    ) -> int:  # fmt: skip
        """Say that a worker lives, for an hour; returns 1 where it is new to the model."""
        offer = Offer(model, slots, key_print)
        call = AnnounceWorker(
            now=self.now, worker=worker, presence_ms=3_600_000, config="v1", schema=schema, offers=[offer]
        )
        return (await self.scripts.run(call)).changed

    async def read(self) -> Round:
        """Read what a dispatcher would see now."""
        return await self.rounds.read(now=self.now)

    async def bind(self, job_id: str, model: str = "gpt-4", *, token: str = "") -> str:
        """Bind one job to one model, whatever a strategy would say; returns the script's answer."""
        return (await self.bind_many([job_id], model, token=token))[0]

    async def bind_many(self, job_ids: Sequence[str], model: str = "gpt-4", *, token: str = "") -> list[str]:
        """Bind these jobs to one model in one script."""
        binds = [Bind(await self._waiting(job_id), Decision(model, "test", "because")) for job_id in job_ids]
        return await self.rounds.bind(
            binds, templates=self.templates, token=token or secrets.token_hex(8), now=self.now
        )

    async def _waiting(self, job_id: str) -> Waiting:
        lane, facts = await self.redis.hmget(self.keys.key("job", job_id), "lane", "facts")
        return Waiting(job_id, 0.0, read_facts(facts or "").tokens, Lane.parse(lane))

    async def claim(
        self, job_id: str, binding: int = 1, *, token: str = "", worker: str = "w1", timeout_seconds: float = 60
    ) -> Claim | None:
        """Claim a binding as a worker does."""
        token = token or secrets.token_hex(8)
        return await self.work.claim(
            job_id, binding, token=token, worker=worker, timeout_seconds=timeout_seconds, now=self.now
        )

    async def renew(self, job_id: str, binding: int = 1, model: str = "gpt-4") -> bool:
        """Renew one lease; returns whether it is still held."""
        return not await self.work.renew([HeldJob(model, job_id, binding)], now=self.now)

    async def settle(
        self, job_id: str, binding: int = 1, *, settlement: Settlement, token: str = ""
    ) -> JobState | None:
        """End an attempt as a worker does."""
        return await self.work.settle(
            job_id, binding, token=token or secrets.token_hex(8), settlement=settlement, now=self.now
        )

    async def cancel(self, job_id: str) -> Change:
        """Cancel a job; returns the state before and after."""
        return await self.scripts.run(self.cancelling(job_id))

    def cancelling(self, job_id: str) -> CancelJob:
        """Return the call that cancels a job."""
        result_ms = int(self.settings.result_ttl_seconds * 1000)
        return CancelJob(now=self.now, id=job_id, result_ms=result_ms, reason="by the test")

    async def retry(self, job_id: str) -> Change:
        """Let a dead letter begin anew; returns the state before and after."""
        return await self.scripts.run(RetryJob(now=self.now, id=job_id))

    async def release_due(self, model: str = "gpt-4", *, all_of_them: bool = False) -> int:
        """Give unclaimed bindings back."""
        return await self.rounds.release_due(model, all_of_them=all_of_them, now=self.now)

    async def reap(self) -> tuple[int, int]:
        """Reap once."""
        return await self.rounds.reap(now=self.now)

    async def reap_for(self, seconds: float) -> tuple[int, int]:
        """Reap every second for so long, as a dispatcher without gaps does; returns the sums."""
        back = ended = 0
        for _ in range(round(seconds)):
            self.pass_seconds(1)
            one_back, one_ended = await self.reap()
            back, ended = back + one_back, ended + one_ended
        return back, ended

    async def run_to_claim(self, **fields: Any) -> str:
        """Submit, bind to gpt-4 and claim one job."""
        job_id = await self.submit(**fields)
        await self.announce()
        assert await self.bind(job_id) == "bound"
        assert await self.claim(job_id) is not None
        return job_id

    async def get(self, job_id: str) -> JobRecord:
        """Return the job's record."""
        return await self.jobs.get(job_id)

    async def state(self, job_id: str) -> JobState:
        """Return the job's state."""
        return (await self.get(job_id)).state

    async def queued(self, model: str = "gpt-4") -> list[str]:
        """Return the Celery task ids in a model's queue, the next to be consumed first."""
        messages: Any = await self.redis.lrange(self.keys.queue(model), 0, -1)
        return [json.loads(message)["headers"]["id"] for message in reversed(messages)]

    async def lanes(self) -> dict[str, list[str]]:
        """Return every lane that the index names, with its jobs in order."""
        names: Any = await self.redis.zrange(self.keys.key("lanes"), 0, -1)
        return {name: await self.redis.zrange(self.keys.key("lane", name), 0, -1) for name in names}

    async def ledger(self, model: str = "gpt-4") -> tuple[list[str], list[str]]:
        """Return the jobs bound and running at a model."""
        bound: Any = await self.redis.zrange(self.keys.key("bound", model), 0, -1)
        running: Any = await self.redis.zrange(self.keys.key("running", model), 0, -1)
        return bound, running

    async def minute(self, model: str = "gpt-4") -> tuple[int, int]:
        """Return requests and tokens that count against the model's limits now."""
        state = (await self.read()).states[model]
        return state.requests_in_minute, state.tokens_in_minute
