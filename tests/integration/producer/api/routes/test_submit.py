"""Submission over HTTP: what is accepted, what is refused, and in which words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobState
from tests.support.running_api import SUPPORT, Api, running_api


def error_of(reply: httpx.Response) -> dict[str, Any]:
    """Return the error of a reply, after a look at what every error has."""
    error: dict[str, Any] = reply.json()["error"]
    assert error["message"]
    assert error["request_id"] == reply.headers["x-request-id"]
    return error


async def test_a_job_is_accepted_with_its_place(api: Api) -> None:
    reply = await api.http.post("/v1/jobs", json=SUPPORT)
    assert reply.status_code == 202
    body = reply.json()
    assert body["state"] == "pending"
    assert reply.headers["location"] == f"/v1/jobs/{body['id']}"
    assert (await api.http.get(reply.headers["location"])).json()["task_class"] == "technical_support"


async def test_a_body_may_begin_with_a_byte_order_mark(api: Api) -> None:
    body = b'\xef\xbb\xbf{"prompt": "Hello"}'
    reply = await api.http.post("/v1/jobs", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 202


async def test_a_request_with_content_parts_reaches_the_worker_whole(api: Api) -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}]}]
    reply = await api.http.post(
        "/v1/jobs", json={"request": {"messages": messages}, "task_class": "technical_support"}
    )
    job_id = reply.json()["id"]
    await api.driver.announce()
    assert await api.driver.bind(job_id) == "bound"
    claim = await api.driver.claim(job_id)
    assert claim is not None
    assert claim.payload["chat"]["messages"][0]["content"] == messages[0]["content"]


async def test_the_same_request_under_one_id_is_one_job(api: Api) -> None:
    replies = [await api.http.post("/v1/jobs", json={**SUPPORT, "id": "my-own-id"}) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [202, 202]
    assert {reply.json()["id"] for reply in replies} == {"my-own-id"}


async def test_the_same_request_under_one_idempotency_key_is_one_job(api: Api) -> None:
    first, second = [await api.submit(idempotency_key="order 7") for _ in range(2)]
    assert first == second
    page = await api.http.get("/v1/jobs", params={"state": "pending"})
    assert [job["id"] for job in page.json()["jobs"]] == [first]


async def test_another_request_under_the_same_key_is_a_conflict(api: Api) -> None:
    first = await api.submit(idempotency_key="order 7")
    reply = await api.http.post("/v1/jobs", json={**SUPPORT, "prompt": "else", "idempotency_key": "order 7"})
    assert reply.status_code == 409
    error = error_of(reply)
    assert (error["kind"], error["job_id"]) == ("conflict", first)


MISTAKES: list[tuple[Any, str]] = [
    ({"prompt": "x", "priority": 10}, "priority"),
    ({"prompt": "x", "colour": "red"}, "colour"),
    ({"prompt": "x", "task_class": "no such"}, "task_class"),
    ({"prompt": "x", "task_class": "nothing"}, "task_class"),
    ({"prompt": "x", "model": "nothing"}, "model"),
    ({"prompt": "x", "metadata": {"a": 1}}, "metadata.a"),
    ({"request": {"messages": []}}, "request.messages"),
    ({}, "body"),
    ([], "body"),
    ({"prompt": "x", "request": {"messages": [{"role": "user", "content": "y"}]}}, "body"),
]


async def test_a_mistake_is_named_by_its_field(api: Api) -> None:
    for body, field in MISTAKES:
        reply = await api.http.post("/v1/jobs", json=body)
        assert reply.status_code == 422, body
        error = error_of(reply)
        assert (error["kind"], error["field"]) == ("invalid_job", field)


MEANT: list[tuple[dict[str, Any], str]] = [
    ({"prompt": "x", "prority": 3}, "prority: there is no such field; did you mean priority?"),
    (
        {"prompt": "x", "temperature": 0},
        'temperature: it belongs inside of request: {"request": {"messages": [...], "temperature": ...}}',
    ),
    (
        {"request": {"messages": [{"role": "user", "content": "y"}], "temprature": 0}},
        "request.temprature: there is no such field; did you mean temperature?",
    ),
    ({"prompt": "x", "model": "no such"}, "model: expected at most 64 letters, digits and _ . -"),
]


@pytest.mark.parametrize(("body", "words"), MEANT)
async def test_a_mistake_is_told_in_words_with_what_may_be_meant(api: Api, body: Any, words: str) -> None:
    assert error_of(await api.http.post("/v1/jobs", json=body))["message"].startswith(words)
    message = error_of(await api.http.post("/v1/jobs/batch", json={"jobs": [body]}))["message"]
    assert message.startswith(f"jobs.0.{words}")


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
async def test_what_is_not_json_is_refused(api: Api, content_type: str) -> None:
    reply = await api.http.post("/v1/jobs", content=b'{"prompt": ', headers={"content-type": content_type})
    assert reply.status_code == 422
    assert error_of(reply)["field"] == "body"


NO_JSON = [
    b'{"prompt": "\\ud800"}',
    b'{"max_cost_usd": NaN}',
    b'{"prompt": "\xff"}',
    b"[" * 100_000,
    b"9" * 10_000,
    b"{",
]


@pytest.mark.parametrize("body", NO_JSON, ids=lambda body: str(body)[:30])
async def test_what_is_no_json_is_refused(api: Api, body: bytes) -> None:
    reply = await api.http.post("/v1/jobs", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 422
    assert error_of(reply)["message"].startswith("body: no JSON: ")


async def test_a_batch_is_accepted_in_its_order(api: Api) -> None:
    jobs = [{**SUPPORT, "id": f"batch-job-{number}"} for number in range(1000)]
    reply = await api.http.post("/v1/jobs/batch", json={"jobs": jobs})
    assert reply.status_code == 202
    assert reply.json()["ids"] == [job["id"] for job in jobs]


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_batch_has_one_to_a_thousand_jobs(api: Api, count: int) -> None:
    reply = await api.http.post("/v1/jobs/batch", json={"jobs": [SUPPORT] * count})
    assert reply.status_code == 422
    assert error_of(reply)["field"] == "jobs"


async def test_one_wrong_job_refuses_its_whole_batch(api: Api) -> None:
    reply = await api.http.post("/v1/jobs/batch", json={"jobs": [SUPPORT, {**SUPPORT, "model": "nothing"}]})
    assert reply.status_code == 422
    assert error_of(reply)["field"] == "jobs.1.model"
    assert (await api.driver.jobs.list(JobState.PENDING)).jobs == []


async def test_a_body_over_the_limit_is_refused(settings: Settings, catalog: Catalog) -> None:
    async with running_api(settings, catalog, body_limit_bytes=2048) as api:
        reply = await api.http.post("/v1/jobs", json={**SUPPORT, "prompt": "x" * 3000})
        assert reply.status_code == 413
        assert error_of(reply)["kind"] == "body_too_large"
        assert (await api.http.post("/v1/jobs", json=SUPPORT)).status_code == 202


async def test_a_body_that_hides_its_size_is_refused_while_it_is_read(settings: Settings, catalog: Catalog) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'{"prompt": "'
        for _ in range(20):
            sent += 1
            yield b"x" * 1000

    async with running_api(settings, catalog, body_limit_bytes=2048) as api:
        headers = {"content-type": "application/json"}
        reply = await api.http.post("/v1/jobs", content=endless(), headers=headers)
        assert "content-length" not in reply.request.headers
        assert reply.status_code == 413
        assert error_of(reply)["kind"] == "body_too_large"
