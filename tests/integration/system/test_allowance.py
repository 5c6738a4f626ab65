"""A vendor's rate limit headers on real parts: what it says is left keeps everybody from asking for more."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobState
from pointsman.simulated import SimulatedModel, Simulation
from tests.support.live import eventually, running_live

ALLOWED, JOBS = 12, 36
REFUSED_AT_MOST = 2
"""A call that takes more than a second from its claim to the server may be one too many."""

STRICT = SimulatedModel(
    base_seconds=0.05, answer_tokens=10, tokens_per_second=1000, requests_per_minute=ALLOWED, minute_seconds=3.0,
    sends_limits=True,
)  # fmt: skip


@pytest.mark.parametrize("model", ["gpt-4", "claude"])
async def test_two_workers_and_two_dispatchers_keep_to_what_the_vendor_says_is_left(
    settings: Settings, catalog: Catalog, tmp_path: Path, model: str
) -> None:
    async with running_live(settings, catalog, tmp_path, Simulation(default=STRICT)) as live:
        live.worker(model)
        live.worker(model)
        await live.until_capacity(**{model.replace("-", "_"): 8})
        ids = await live.submit(JOBS, model=model, task_class=None)
        live.dispatcher()
        live.dispatcher()

        async def held_back() -> bool:
            return "the vendor allows no more requests" in (await live.view(model)).status

        await eventually(held_back, what=f"the model says why it is closed {live.logs()}")
        records = await live.until_done(ids, seconds=90)
        assert {record.state for record in records} == {JobState.SUCCEEDED}
        assert (await live.view(model)).errors.get("rate_limited", 0) <= REFUSED_AT_MOST, live.logs()
