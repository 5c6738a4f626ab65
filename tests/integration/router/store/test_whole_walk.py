"""A long random walk over all verbs, stale and repeated ones too: the invariants hold after every step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random

import pytest

from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.plan import plan_round
from pointsman.router.store.calls import PauseModel
from pointsman.router.vocabulary.allowance import Allowance, Left
from pointsman.router.vocabulary.job import JobState
from pointsman.router.vocabulary.lanes import Lane
from pointsman.router.vocabulary.model import Breaker
from tests.support.store_driver import Driver, failure, success
from tests.support.store_invariants import Invariants

STEPS = 500
LIVE_AT_MOST = 12
MODELS = ("gpt-4", "claude")
TOUCHY = Breaker(min_calls=2, open_seconds=3, probes=1)


@pytest.fixture
def catalog(catalog: Catalog) -> Catalog:
    """Two models with tight limits, so that every refusal is met."""
    data = catalog.model_dump()
    del data["models"]["gemini"]
    data["models"]["gpt-4"]["limits"] = {"concurrency": 3, "requests_per_minute": 6}
    data["models"]["claude"]["limits"] = {"tokens_per_minute": 3_000}
    data["task_classes"] = {"technical_support": {"models": MODELS}}
    return Catalog.model_validate(data | {"default_class": "technical_support"})


class Walk:
    """One random walk: every method with a name that starts with `do_` is a step."""

    def __init__(self, driver: Driver, random: Random) -> None:
        self.driver, self.random = driver, random
        self.jobs: list[str] = []
        self.steps: list[Callable[[], Awaitable[object]]] = [
            getattr(self, name) for name in dir(self) if name.startswith("do_")
        ]
        self.ends: set[str] = set()

    async def step(self) -> str:
        """Take one step and return its name."""
        self.driver.now += self.random.choice((1, 50, 400, 1_500))
        step = self.random.choice(self.steps)
        await step()
        return step.__name__

    async def states(self) -> set[str]:
        """Return the states that jobs are in now."""
        return {await self.driver.redis.hget(self.driver.keys.key("job", job_id), "state") for job_id in self.jobs}

    async def _any_job(self) -> tuple[str, int]:
        """Return a job and a binding of it, mostly a live one and the current one."""
        live = await self.driver.redis.zrange(self.driver.keys.key("deadlines"), 0, -1)
        jobs = live if live and self.random.random() < 0.9 else self.jobs[-LIVE_AT_MOST:]
        if not jobs:
            await self.do_submit()
        job_id = self.random.choice(jobs or self.jobs)
        return job_id, max(0, await self._binding(job_id) - (self.random.random() < 0.15))

    async def _binding(self, job_id: str) -> int:
        return int(await self.driver.redis.hget(self.driver.keys.key("job", job_id), "binding") or 0)

    async def do_submit(self) -> None:
        live = await self.driver.redis.zcard(self.driver.keys.key("deadlines"))
        if live >= LIVE_AT_MOST:
            return
        random = self.random
        fields = {
            "priority": random.randrange(10),
            "tenant": random.choice(("acme", "zeta")),
            "expires_in": random.choice((None, None, 20.0)),
            "not_before": random.choice((None, None, self.driver.now / 1000 + random.choice((-1, 2)))),
            **random.choice(({}, {"task_class": None}, {"model": random.choice(MODELS)})),
        }
        self.jobs.append(await self.driver.submit("word " * random.choice((1, 100, 4_000)), **fields))

    async def do_classify(self) -> None:
        rows = (await self.driver.rounds.read_intake(2)).jobs
        found = [(job.id, Lane("technical_support", job.tenant, MODELS), "test") for job in rows]
        if found:
            await self.driver.rounds.classify(found + found[:1])

    async def do_round(self) -> None:
        driver = self.driver
        binds = plan_round(await driver.read(), driver.catalog, limit=4, random=self.random).binds
        if not binds:
            return
        token = f"round-{driver.now}"
        first = await driver.rounds.bind(binds, templates=driver.templates, token=token, now=driver.now)
        if self.random.random() < 0.2:
            again = await driver.rounds.bind(binds, templates=driver.templates, token=token, now=driver.now)
            assert again == first

    do_another_round = do_third_round = do_round

    async def do_claim(self) -> None:
        for name in MODELS:
            for task_id in await self.driver.queued(name):
                if self.random.random() < 0.6:
                    job_id, _, binding = task_id.rpartition(".")
                    await self.driver.claim(job_id, int(binding), token="t", timeout_seconds=30)
                if self.random.random() < 0.5:
                    await self._consume(name)

    async def _consume(self, model: str) -> None:
        await self.driver.redis.rpop(self.driver.keys.queue(model))

    async def do_claim_anything(self) -> None:
        await self.driver.claim(*await self._any_job(), token="t", timeout_seconds=30)

    async def do_renew(self) -> None:
        for name in MODELS:
            for job_id in (await self.driver.ledger(name))[1]:
                if self.random.random() < 0.8:
                    assert await self.driver.renew(job_id, await self._binding(job_id), name)

    async def do_settle_anything(self) -> None:
        await self._settle(*await self._any_job())

    async def do_settle(self) -> None:
        for name in MODELS:
            for job_id in (await self.driver.ledger(name))[1][:2]:
                await self._settle(job_id, await self._binding(job_id))

    async def _settle(self, job_id: str, binding: int) -> None:
        fields = await self.driver.redis.hgetall(self.driver.keys.key("job", job_id))
        candidates = Lane.parse(fields["lane"]).candidates if fields["lane"] else MODELS
        lane = str(Lane("technical_support", fields["tenant"], candidates[-1:]))
        ends = (
            success(tokens=self.random.randrange(5_000)),
            success(allowance=self._random_allowance()),
            failure("invalid_request"),
            failure("server_error", JobState.PENDING, lane=fields["lane"], wait_seconds=self.random.choice((0, 3))),
            failure("overloaded", JobState.PENDING, lane=lane, breaker=TOUCHY),
            success(breaker=TOUCHY),
            failure("rate_limited", JobState.PENDING, lane=fields["lane"], cool_seconds=2, spends_attempt=False),
        )
        end, token = self.random.choice(ends), f"settle-{self.driver.now}"
        first = await self.driver.settle(job_id, binding, settlement=end, token=token)
        if first is not None:
            self.ends.add(first)
            assert await self.driver.settle(job_id, binding, settlement=end, token=token) is first

    def _random_allowance(self) -> Allowance:
        requests = Left(self.random.choice((0, 3, 100)), self.random.choice((0.0, 1.0, 5.0)))
        return Allowance(requests, self.random.choice((None, Left(2_000, 3.0))))

    async def do_release(self) -> None:
        await self.driver.work.release(*await self._any_job())

    async def do_release_due(self) -> None:
        all_of_them = self.random.random() < 0.1
        await self.driver.release_due(self.random.choice(MODELS), all_of_them=all_of_them)

    async def do_reap(self) -> None:
        for _ in range(self.random.randrange(4)):
            await self.driver.reap_for(1)

    async def do_cancel(self) -> None:
        if self.random.random() < 0.3:
            await self.driver.cancel((await self._any_job())[0])

    async def do_retry(self) -> None:
        live = await self.driver.redis.zcard(self.driver.keys.key("deadlines"))
        if live < LIVE_AT_MOST and self.jobs:
            await self.driver.retry(self.random.choice(self.jobs))

    async def do_expire(self) -> None:
        await self.driver.rounds.expire(now=self.driver.now)

    async def do_promote(self) -> None:
        await self.driver.rounds.promote(now=self.driver.now)

    async def do_announce(self) -> None:
        name = self.random.choice(MODELS)
        await self.driver.announce(name, self.random.choice((1, 2, 8)), worker=self.random.choice(("w1", "w2")))

    async def do_withdraw(self) -> None:
        if self.random.random() < 0.1:
            await self.driver.work.withdraw(self.random.choice(("w1", "w2")), MODELS)

    async def do_pause_or_resume(self) -> None:
        reason = self.random.choice((None, None, None, "maintenance"))
        await self.driver.scripts.run(PauseModel(model=self.random.choice(MODELS), reason=reason))

    async def do_pass_a_while(self) -> None:
        if self.random.random() < 0.2:
            self.driver.pass_seconds(self.random.choice((5, 61)))


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_the_invariants_hold_after_every_step(driver: Driver, seed: int) -> None:
    walk, invariants = Walk(driver, Random(seed)), Invariants(driver)
    taken = []
    for _ in range(STEPS):
        taken.append(await walk.step())
        try:
            await invariants.check(walk.jobs)
        except AssertionError as error:
            raise AssertionError(f"after {taken[-6:]} (seed {seed}): {error}") from error
    assert "cancelled" in await walk.states()
    assert len(walk.ends) >= 2, "the walk must get as far as settling jobs in more than one way"
