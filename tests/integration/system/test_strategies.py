"""Strategies through the live system: submitted, dispatched, worked, and told by explain and why."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.strategies import BUILT_IN
from pointsman.router.vocabulary.job import JobState
from tests.support.checkout import ROOT
from tests.support.live import Live, running_live

RULES = [{"when": {"topic": {"regex": "^math"}}, "use": ["gpt-4"]}]
NEED_OPTIONS = {"contextual"}


@pytest.fixture
def catalog(catalog: Catalog) -> Catalog:
    """Rules for creative_writing, a profile and a price for gpt-4."""
    data = catalog.model_dump()
    data["task_classes"]["creative_writing"] |= {
        "models": ["claude", "gpt-4"],
        "strategy": [{"name": "contextual", "rules": RULES}, "least_connections"],
    }
    data["models"]["gpt-4"] |= {
        "profile": {"speed": 0.9},
        "price": {"input_usd_per_mtok": 2, "output_usd_per_mtok": 8},
    }
    return Catalog.model_validate(data)


@pytest_asyncio.fixture
async def live(settings: Settings, catalog: Catalog, tmp_path: Path) -> AsyncIterator[Live]:
    """Two dispatchers, and a worker for each of two models."""
    async with running_live(settings, catalog, tmp_path) as running:
        for _ in range(2):
            running.dispatcher()
        for model in ("gpt-4", "claude"):
            running.worker(model, "--concurrency", "4")
        await running.until_capacity(gpt_4=4, claude=4)
        yield running


def pointsman(live: Live, *command: str) -> str:
    """Run the command line against Redis and return what it printed."""
    environment = live.environment | {"POINTSMAN_URL": live.settings.redis_url, "COLUMNS": "160"}
    done = subprocess.run(
        [sys.executable, "-m", "pointsman", *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_every_strategy_works_live_and_is_reported(live: Live) -> None:
    names = [name for name in BUILT_IN if name not in NEED_OPTIONS]
    ids = {name: await live.submit(4, strategy=name, task_class="technical_support") for name in names}
    for name, of_strategy in ids.items():
        for record in await live.until_done(of_strategy):
            assert record.state == JobState.SUCCEEDED
            decision: Any = record.history[-1].decision
            assert (decision["strategy"], decision["model"]) == (name, record.model)
            assert decision["reason"]
    (narrowed,) = await live.submit(1, task_class="creative_writing", context={"topic": "maths"})
    (record,) = await live.until_done([narrowed])
    assert record.model == "gpt-4"
    output = pointsman(live, "why", narrowed)
    assert "contextual > least_connections" in output
    assert "rule 1: topic fits /^math/" in output
    assert "not in rule 1" in output


async def test_explain_says_where_a_prompt_would_go_and_submits_nothing(live: Live) -> None:
    found = pointsman(live, "explain", "my login is not working", "--strategy", "model_aware", "--metric", "speed")
    assert "class     technical_support (keyword 'not working')" in found
    assert "choice    goes now to gpt-4" in found
    assert "highest speed: 0.9" in found
    assert "cost      about $0.0" in found
    dear = pointsman(live, "explain", "Hi", "--class", "technical_support", "--max-cost-usd", "0.000001")
    assert "choice    fails" in dear
    assert "claude: has no price" in dear
    assert all(view.served == 0 for view in await live.models.views())


async def test_a_job_that_nobody_can_do_fails_at_once(live: Live) -> None:
    (job_id,) = await live.submit(1, max_cost_usd=0.000001)
    (record,) = await live.until_done([job_id])
    assert record.error is not None
    assert "no model can do this job: gemini: has no price" in record.error.message
