"""Looking at jobs, waiting for their ends, listing and cancelling them over HTTP."""

from __future__ import annotations

import asyncio
import time

import httpx
from redis.asyncio import Redis

from tests.support.running_api import Api
from tests.support.store_driver import failure

LONG = 30


async def commands_run(redis: Redis) -> int:
    """Return how many commands this Redis has run."""
    return int((await redis.info("stats"))["total_commands_processed"])


async def test_an_unknown_job_is_not_pending(api: Api) -> None:
    for reply in (await api.get("never-was-there"), await api.http.delete("/v1/jobs/never-was-there")):
        assert reply.status_code == 404
        assert reply.json()["error"]["kind"] == "unknown_job"
        assert reply.json()["error"]["job_id"] == "never-was-there"


async def test_a_wait_for_an_unknown_job_answers_at_once(api: Api) -> None:
    assert (await api.get("never-was-there", wait=LONG)).status_code == 404


async def test_a_result_can_be_fetched_when_the_job_has_ended(api: Api) -> None:
    job_id = await api.submit()
    await api.finish(job_id)
    record = (await api.get(job_id, wait=LONG)).json()
    assert record["state"] == "succeeded"
    assert record["result"]["answer"]["text"] == "42"


async def test_a_failure_is_reported_with_its_kind(api: Api) -> None:
    job_id = await api.submit()
    await api.finish(job_id, failure("server_error"))
    assert (await api.get(job_id)).json()["error"] == {"kind": "server_error", "message": "it broke"}


async def test_a_long_poll_answers_as_soon_as_the_job_ends(api: Api) -> None:
    job_id = await api.submit()
    asked = asyncio.create_task(api.get(job_id, wait=LONG))
    await api.until_subscribers(job_id, 1)
    assert not asked.done()
    await api.finish(job_id)
    ended = time.monotonic()
    assert (await asked).json()["state"] == "succeeded"
    assert time.monotonic() - ended < 0.5


async def test_a_long_poll_that_runs_out_answers_the_job_as_it_is(api: Api) -> None:
    job_id = await api.submit()
    reply = await api.get(job_id, wait=0.2)
    assert reply.status_code == 200
    assert reply.json()["state"] == "pending"


async def test_a_long_poll_does_not_ask_redis_again_and_again(api: Api) -> None:
    job_id = await api.submit()
    asked = asyncio.create_task(api.get(job_id, wait=1.5))
    await api.until_subscribers(job_id, 1)
    before = await commands_run(api.redis)
    assert (await asked).json()["state"] == "pending"
    assert await commands_run(api.redis) - before < 12  # its last look, and the end of its subscription


async def test_two_who_wait_for_one_job_are_both_answered(api: Api) -> None:
    job_id = await api.submit()
    asked = [asyncio.create_task(api.get(job_id, wait=LONG)) for _ in range(2)]
    await api.until_subscribers(job_id, 1)
    await api.http.delete(f"/v1/jobs/{job_id}")
    assert [(await reply).json()["state"] for reply in asked] == ["cancelled", "cancelled"]
    await api.until_subscribers(job_id, 0)


async def test_one_who_stops_waiting_leaves_the_other_waiting(api: Api) -> None:
    job_id = await api.submit()
    stays = asyncio.create_task(api.get(job_id, wait=LONG))
    assert (await api.get(job_id, wait=0.2)).json()["state"] == "pending"
    await api.finish(job_id)
    assert (await asyncio.wait_for(stays, 2)).json()["state"] == "succeeded"


async def test_a_caller_who_hangs_up_leaves_no_waiter_behind(api: Api) -> None:
    job_id = await api.submit()
    async with httpx.AsyncClient(base_url=api.url) as caller:
        asked = asyncio.create_task(caller.get(f"/v1/jobs/{job_id}", params={"wait": LONG}, timeout=LONG))
        await api.until_subscribers(job_id, 1)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    await api.until_subscribers(job_id, 0)


async def test_a_server_that_ends_answers_its_long_polls_first(api: Api) -> None:
    job_id = await api.submit()
    asked = asyncio.create_task(api.get(job_id, wait=LONG))
    await api.until_subscribers(job_id, 1)
    api.serving.cancel()
    assert (await asyncio.wait_for(asked, 3)).json()["state"] == "pending"


async def test_a_cancelled_job_tells_its_state(api: Api) -> None:
    job_id = await api.submit()
    for _ in range(2):
        reply = await api.http.delete(f"/v1/jobs/{job_id}")
        assert (reply.status_code, reply.json()) == (200, {"id": job_id, "state": "cancelled"})


async def test_a_cancel_comes_too_late_for_a_job_that_has_ended(api: Api) -> None:
    job_id = await api.submit()
    await api.finish(job_id)
    assert (await api.http.delete(f"/v1/jobs/{job_id}")).json()["state"] == "succeeded"


async def test_pages_go_through_all_jobs_newest_first(api: Api) -> None:
    ids = [await api.submit() for _ in range(5)]
    await api.http.delete(f"/v1/jobs/{ids[1]}")
    seen: list[str] = []
    params: dict[str, str | int] = {"state": "pending", "limit": 2}
    while True:
        page = (await api.http.get("/v1/jobs", params=params)).json()
        seen += [job["id"] for job in page["jobs"]]
        if "cursor" not in page:
            break
        params["cursor"] = page["cursor"]
    assert seen == [ids[4], ids[3], ids[2], ids[0]]


async def test_a_page_can_be_filtered(api: Api) -> None:
    wanted = await api.submit(tenant="acme")
    await api.submit(tenant="other")
    page = (await api.http.get("/v1/jobs", params={"state": "pending", "tenant": "acme"})).json()
    assert [job["id"] for job in page["jobs"]] == [wanted]


async def test_a_wrong_parameter_is_named(api: Api) -> None:
    for params, field in (
        ({}, "state"),
        ({"state": "lost"}, "state"),
        ({"state": "pending", "limit": "0"}, "limit"),
        ({"state": "pending", "cursor": "x"}, "cursor"),
    ):
        reply = await api.http.get("/v1/jobs", params=params)
        assert reply.status_code == 422
        error = reply.json()["error"]
        assert (error["kind"], error["field"]) == ("invalid_parameter", field)


async def test_a_record_is_read_without_its_prompt(api: Api) -> None:
    job_id = await api.submit(prompt="x" * 2_000_000)
    before = int((await api.redis.info("stats"))["total_net_output_bytes"])
    await api.get(job_id)
    assert int((await api.redis.info("stats"))["total_net_output_bytes"]) - before < 100_000
