"""Jobs on real parts: a worker started as any Celery user would, a dispatcher process, HTTP to a simulated LLM."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest
from celery import Celery

from pointsman.router.broker.message import celery_config
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.errors import JobFailed
from pointsman.router.vocabulary.job import JobState
from pointsman.simulated.catalog import write_catalog
from pointsman.simulated.settings import SimulationChanges
from tests.support.live import Live, eventually, running_live


async def test_a_job_goes_from_submit_to_result_and_celery_can_read_it(live: Live) -> None:
    live.dispatcher()
    live.worker("gpt-4")
    ids = await live.submit(12, task_class="technical_support")
    records = await live.until_done(ids)
    assert {record.state for record in records} == {JobState.SUCCEEDED}
    assert {record.model for record in records} == {"gpt-4"}
    assert all(record.result.answer.simulated for record in records if record.result)
    assert all(record.decision["reason"] for record in records if record.decision)
    assert [live.paid(f"prompt {at}") for at in range(12)] == [1] * 12

    client = Celery("anyone", set_as_current=False)
    client.conf.update(celery_config(live.settings))
    answer = await asyncio.to_thread(client.AsyncResult(ids[0]).get, timeout=5)
    assert answer["answer"]["text"].startswith("[simulated]")
    assert client.AsyncResult(ids[0]).state == "SUCCESS"


async def test_a_second_worker_on_a_queue_doubles_the_slots_of_its_model(live: Live) -> None:
    live.worker("gpt-4")
    await live.until_capacity(gpt_4=4)
    second = live.worker("gpt-4")
    await live.until_capacity(gpt_4=8)
    second.send_signal(signal.SIGTERM)
    await live.until_capacity(gpt_4=4)
    assert await asyncio.to_thread(second.wait, 10) == 0


async def test_several_queues_on_one_worker_share_its_slots(live: Live) -> None:
    live.worker("gpt-4,llm.claude", "-c", "5")
    await live.until_capacity(gpt_4=3, claude=2, gemini=0)


async def test_jobs_of_a_model_without_workers_wait_and_the_model_says_so(live: Live) -> None:
    live.dispatcher()
    [job_id] = await live.submit(1, model="claude", task_class=None)
    view = await live.view("claude")
    assert view.waiting == 1
    assert "no live worker" in view.status
    assert "pointsman work --model claude" in view.status
    live.worker("claude")
    [record] = await live.until_done([job_id])
    assert record.state is JobState.SUCCEEDED
    assert record.decision is not None
    assert record.decision["reason"] == "pinned by its caller"


async def test_a_cancel_reaches_a_running_call_at_once(live: Live) -> None:
    live.change(base_seconds=60.0)
    live.dispatcher()
    live.worker("gpt-4")
    [job_id] = await live.submit(1, task_class="technical_support")
    await live.until_state(job_id, "running")

    async def calling() -> bool:
        return live.in_flight() == 1

    await eventually(calling, what="the call is in flight")
    assert await live.jobs.cancel(job_id) is JobState.CANCELLED

    async def ended() -> bool:
        return live.in_flight() == 0

    await eventually(ended, what="the call was stopped", seconds=10)
    record = await live.jobs.get(job_id)
    assert record.state is JobState.CANCELLED
    assert [attempt.kind for attempt in record.history] == ["cancelled"]


async def test_a_rate_limit_cools_the_model_and_costs_no_attempt(live: Live) -> None:
    live.change(rate_limit_rate=1.0, retry_after_seconds=1.0)
    live.dispatcher()
    live.worker("gpt-4")
    [job_id] = await live.submit(1, task_class="technical_support", max_attempts=1)

    async def cooled() -> bool:
        return "cooling" in (await live.view("gpt-4")).status

    await eventually(cooled, what="the model is cooled")
    live.change(rate_limit_rate=0.0)
    [record] = await live.until_done([job_id])
    assert record.state is JobState.SUCCEEDED
    assert record.attempts == 1
    assert record.history[0].kind == "rate_limited"


async def test_a_refused_key_takes_the_model_down_and_the_job_goes_to_the_next(
    settings: Settings, catalog: Catalog, tmp_path: Path
) -> None:
    async with running_live(settings, catalog, tmp_path) as live:
        gpt = live.catalog.models["gpt-4"].model_copy(update={"api_key_env": "TEST_KEY"})
        live.catalog.models["gpt-4"] = gpt
        write_catalog(live.catalog, live.models_file)
        live.server.simulation = live.server.simulation.changed(SimulationChanges(required_key="right"))
        live.worker("gpt-4", TEST_KEY="wrong")
        await live.until_capacity(gpt_4=4)
        live.dispatcher()
        [job_id] = await live.submit(1, task_class="technical_support")

        async def down() -> bool:
            return (await live.view("gpt-4")).status.startswith("down: auth")

        await eventually(down, what=f"the model is down {live.logs()}")
        record = await live.jobs.get(job_id)
        assert record.state is JobState.PENDING
        assert record.history[0].kind == "auth"
        live.worker("gpt-4", TEST_KEY="right")

        async def open_again() -> bool:
            return (await live.view("gpt-4")).status == "open"

        await eventually(open_again, what="a changed key opens the model")


async def test_a_worker_without_its_api_key_says_which_variable_is_missing(live: Live) -> None:
    keyed = live.catalog.models["gpt-4"].model_copy(update={"api_key_env": "NOBODY_SET_THIS"})
    live.catalog.models["gpt-4"] = keyed
    write_catalog(live.catalog, live.models_file)
    worker = live.worker("gpt-4")
    assert await asyncio.to_thread(worker.wait, 20) == 2
    assert "NOBODY_SET_THIS" in live.logs()
    assert "Traceback" not in live.logs()


async def test_a_wrong_models_file_ends_a_worker_with_file_line_and_field(live: Live) -> None:
    live.models_file.write_text("models:\n  gpt-4:\n    format: telex\n")
    worker = live.worker("gpt-4")
    assert await asyncio.to_thread(worker.wait, 20) == 2
    log = live.logs()
    assert "models.yaml, line 3: models.gpt-4.format" in log
    assert "Traceback" not in log


async def test_a_failed_job_raises_its_kind_from_celerys_result(live: Live) -> None:
    live.change(bad_response_rate=1.0)
    live.dispatcher()
    live.worker("gpt-4")
    [job_id] = await live.submit(1, model="gpt-4", task_class=None, max_attempts=2)
    [record] = await live.until_done([job_id])
    assert record.state is JobState.FAILED
    assert record.error is not None
    assert record.error.kind == "bad_response"
    assert [attempt.kind for attempt in record.history] == ["bad_response", "bad_response"]
    client = Celery("anyone", set_as_current=False)
    client.conf.update(celery_config(live.settings))
    with pytest.raises(JobFailed, match="bad_response"):
        await asyncio.to_thread(client.AsyncResult(job_id).get, timeout=5)


async def test_a_deadline_ends_a_call_that_takes_too_long(live: Live) -> None:
    live.change(base_seconds=60.0)
    live.dispatcher()
    live.worker("gpt-4")
    await live.until_capacity(gpt_4=4)
    [job_id] = await live.submit(1, task_class="technical_support", expires_in=1.5)
    began = time.monotonic()
    [record] = await live.until_done([job_id])
    assert record.state is JobState.EXPIRED
    assert record.error is not None
    assert record.error.kind == "expired"
    assert time.monotonic() - began < 30
