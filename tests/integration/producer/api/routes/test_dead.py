"""Dead letters from outside: both client transports, the API with keys of tenants, and the command line."""

from __future__ import annotations

import pytest

from pointsman import AsyncClient
from pointsman.producer.errors import UnknownJob
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.durations import seconds_of
from pointsman.router.vocabulary.job import JobState
from tests.support.command_line import run
from tests.support.running_api import Api, running_api
from tests.support.store_driver import failure


async def failed(api: Api, kind: str = "timeout", **fields: object) -> str:
    job_id = await api.submit(**fields)
    await api.finish(job_id, failure(kind))
    return job_id


async def test_a_client_lists_dead_letters_and_retries_one(client: AsyncClient, api: Api) -> None:
    timeout, invalid = await failed(api), await failed(api, "invalid_request")
    assert [record.id for record in await client.dead()] in ([invalid, timeout], [timeout, invalid])
    assert [record.id for record in await client.dead(kind="timeout")] == [timeout]
    assert [record.id for record in await client.dead(kind=["timeout", "auth"], since=0.0)] == [timeout]
    assert await client.dead(until=1.0) == []
    assert await client.retry(timeout) is JobState.PENDING
    assert [record.id for record in await client.dead()] == [invalid]
    with pytest.raises(UnknownJob):
        await client.retry("no-such-job-at-all")


async def test_a_client_retries_all_that_fit(
    client: AsyncClient, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointsman.producer.client.asyncio.PAGE", 2)
    jobs = [await failed(api) for _ in range(5)]
    other = await failed(api, "invalid_request")
    found = [job_id async for ids in client.retry_dead(kind="timeout") for job_id in ids]
    assert sorted(found) == sorted(jobs)
    assert (await client.get(other)).state is JobState.FAILED


async def test_a_tenant_sees_and_retries_only_its_own(settings: Settings, catalog: Catalog) -> None:
    async with running_api(settings, catalog, api_keys=("acme:secret-a", "zeta:secret-z")) as api:
        acme, zeta = ({"authorization": f"Bearer {key}"} for key in ("secret-a", "secret-z"))
        api.http.headers.update(acme)
        job_id = await failed(api)
        assert len((await api.http.get("/v1/dead")).json()["jobs"]) == 1
        api.http.headers.update(zeta)
        assert (await api.http.get("/v1/dead", params={"tenant": "acme"})).json() == {"jobs": []}
        assert (await api.http.post("/v1/dead/retry", json={"tenant": "acme"})).json() == {"ids": []}
        assert (await api.http.post(f"/v1/jobs/{job_id}/retry")).status_code == 404


async def test_a_wrong_filter_is_reported_by_its_field(api: Api) -> None:
    reply = await api.http.get("/v1/dead", params={"kind": "bad luck"})
    assert (reply.status_code, reply.json()["error"]["field"]) == (422, "kind.0")
    assert (await api.http.post("/v1/dead/retry", json={"limit": 0})).status_code == 422


async def test_an_idempotency_key_may_stand_in_the_header(api: Api) -> None:
    first, again = [
        await api.http.post(
            "/v1/jobs", json={"prompt": "a", "task_class": "technical_support"}, headers={"Idempotency-Key": "k"}
        )
        for _ in range(2)
    ]
    assert first.json()["id"] == again.json()["id"]
    other = await api.http.post("/v1/jobs", json={"prompt": "b", "idempotency_key": "k"})
    assert other.status_code == 409


async def test_the_command_line_lists_and_retries_by_kind_and_time(api: Api) -> None:
    jobs = [await failed(api) for _ in range(2)]
    other = await failed(api, "invalid_request")
    status, output, _ = await run(api, "dead")
    assert status == 0
    assert all(word in output for word in (*jobs, other, "timeout", "invalid_request", "it broke"))
    status, output, errors = await run(api, "retry", "--kind", "timeout", "--since", "1h")
    assert (status, sorted(output.split())) == (0, sorted(jobs))
    assert "2 jobs begin anew" in errors
    status, output, errors = await run(api, "retry", other, jobs[0])
    assert (status, output.split()) == (0, [other, "pending", jobs[0], "pending"])


async def test_the_command_line_says_what_it_wants(api: Api) -> None:
    assert "give ids of jobs" in (await run(api, "retry"))[2]
    status, _, errors = await run(api, "retry", "--since", "yesterday")
    assert status == 2
    assert "90s, 30m, 1h or 7d, not 'yesterday'" in errors
    job_id = await api.submit()
    await api.finish(job_id)
    status, _, errors = await run(api, "retry", job_id)
    assert status == 1
    assert "only failed and expired jobs are retried" in errors


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("1.5h", 5400), ("7d", 604_800)])
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1h!", "1 h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        seconds_of(text)
