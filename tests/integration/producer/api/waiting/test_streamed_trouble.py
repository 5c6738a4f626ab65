"""Streams whose caller, words, Redis or server goes away: no word is doubled, none is missing, nothing is left."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pointsman.local.ports import free_port
from pointsman.producer.api.waiting import streamed as reading
from pointsman.producer.api.waiting import streamed as signals
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import job_stream as follower
from pointsman.router.vocabulary.job import JobState
from tests.support.job_streams import (
    ANSWER,
    CHAT,
    WORDS,
    claim,
    comments,
    speak,
    streams,
    succeed,
    until_followed,
    write,
)
from tests.support.live import eventually
from tests.support.redis_server import running_redis
from tests.support.running_api import Api, running_api
from tests.support.store_driver import failure

PATH = "/v1/chat/completions"
KEY = {"idempotency-key": "once"}


@pytest_asyncio.fixture
async def api(settings: Settings, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(signals, "HEAD_SECONDS", 0)
    monkeypatch.setattr(follower, "RECHECK_SECONDS", 0.2)
    async with streams(settings, catalog) as running:
        yield running


def asking(api: Api, **headers: str) -> Any:
    """Ask for a stream."""
    return api.http.stream("POST", PATH, json=CHAT, headers=headers)


async def until_cancelled(api: Api, job_id: str) -> None:
    async def cancelled() -> bool:
        return await api.driver.state(job_id) is JobState.CANCELLED

    await eventually(cancelled, what="the job cancelled")


async def test_who_hangs_up_before_the_first_words_cancels_the_job(api: Api) -> None:
    async with asking(api) as reply:
        job_id = reply.headers["x-pointsman-job-id"]
    await until_cancelled(api, job_id)


async def test_who_hangs_up_before_the_head_cancels_the_job(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "HEAD_SECONDS", 3600)
    asked = asyncio.create_task(api.http.post(PATH, json=CHAT))
    job_id = await api.open_job()
    await until_followed(api, job_id)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    await until_cancelled(api, job_id)


async def test_who_hangs_up_in_mid_stream_cancels_the_job(api: Api) -> None:
    async with asking(api) as reply:
        job_id = reply.headers["x-pointsman-job-id"]
        await write(api, job_id, WORDS[0])
        await comments(reply).until_text(WORDS[0])
    await until_cancelled(api, job_id)
    record = await api.driver.get(job_id)
    assert record.error is not None
    assert record.error.message == "its caller hung up"
    assert [(attempt.kind, attempt.reason) for attempt in record.history] == [("cancelled", "its caller hung up")]


async def test_who_comes_back_with_an_idempotency_key_gets_all_words_from_the_start(api: Api) -> None:
    async with asking(api, **KEY) as reply:
        job_id = reply.headers["x-pointsman-job-id"]
        await write(api, job_id, WORDS[0])
        await comments(reply).until_text(WORDS[0])
    await until_followed(api, job_id, 0)
    assert await api.driver.state(job_id) is JobState.RUNNING
    await speak(api, job_id, WORDS[1], offset=len(WORDS[0]))
    async with asking(api, **KEY) as again:
        assert again.headers["x-pointsman-job-id"] == job_id
        received = comments(again)
        await received.until_text(WORDS[0] + WORDS[1])
        await succeed(api, job_id)
        assert await received.rest() == ANSWER
    async with asking(api, **KEY) as late:
        assert await comments(late).rest() == ANSWER


async def test_a_job_that_was_no_stream_speaks_at_its_end(api: Api) -> None:
    first = asyncio.create_task(api.http.post(PATH, json={**CHAT, "stream": False}, headers=KEY))
    job_id = await api.open_job()
    async with asking(api, **KEY) as reply:
        assert reply.headers["x-pointsman-job-id"] == job_id
        received = comments(reply)
        await claim(api, job_id)
        await received.until("pointsman running at gpt-4")
        await succeed(api, job_id)
        assert await received.rest() == ANSWER
    assert (await first).json()["choices"][0]["message"]["content"] == ANSWER


async def test_words_whose_news_was_lost_are_looked_up(api: Api) -> None:
    async with asking(api) as reply:
        received, job_id = comments(reply), reply.headers["x-pointsman-job-id"]
        await write(api, job_id, WORDS[0])
        await received.until_text(WORDS[0])
        await api.redis.append(api.driver.keys.key("streamed_text", job_id), WORDS[1])  # and nobody is told
        before = len((WORDS[0] + WORDS[1]).encode())
        await speak(api, job_id, WORDS[2], offset=before)
        await received.until_text(ANSWER)
        await succeed(api, job_id, ANSWER + " Bye")
        assert await received.rest() == ANSWER + " Bye"


async def test_a_lost_subscription_loses_no_words(api: Api) -> None:
    async with asking(api) as reply:
        received, job_id = comments(reply), reply.headers["x-pointsman-job-id"]
        await claim(api, job_id)
        offset = 0
        for at in range(30):
            if at % 10 == 5:
                await api.redis.client_kill_filter(_type="pubsub")
            text = f"{at} "
            await speak(api, job_id, text, offset=offset)
            offset += len(text)
        whole = "".join(f"{at} " for at in range(30))
        await received.until_text(whole)
        await api.redis.client_kill_filter(_type="pubsub")
        await succeed(api, job_id, whole)
        assert await received.rest() == whole


async def test_words_of_another_binding_never_follow_the_first_ones(api: Api) -> None:
    async with asking(api) as reply:
        received, job_id = comments(reply), reply.headers["x-pointsman-job-id"]
        await write(api, job_id, WORDS[0])
        await received.until_text(WORDS[0])
        keys = api.driver.keys
        async with api.redis.pipeline(transaction=True) as anew:  # its end, a retry and a claim, all unheard
            anew.hset(keys.key("job", job_id), mapping={"binding": 2, "streamed": 2})
            anew.set(keys.key("streamed_text", job_id), "Other")
            anew.publish(keys.key("events", job_id), '{"binding":2,"offset":0,"text":"Other"}')
            await anew.execute()
        assert await received.rest() == WORDS[0]
    assert [error["code"] for error in received.errors] == ["bad_response"]
    assert "began anew" in received.errors[0]["message"]


async def test_a_wait_for_the_first_words_ends(api: Api) -> None:
    async with asking(api, **{"x-pointsman-wait-seconds": "1.5"}) as reply:
        received, job_id = comments(reply), reply.headers["x-pointsman-job-id"]
        assert await received.rest() == ""
    assert [error["code"] for error in received.errors] == ["timeout"]
    assert await api.driver.state(job_id) is JobState.PENDING


async def test_a_wait_that_ends_before_the_head_has_its_status(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "HEAD_SECONDS", 3600)
    reply = await api.http.post(PATH, json=CHAT, headers={"x-pointsman-wait-seconds": "0.2"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (504, "timeout")
    assert reply.headers["x-should-retry"] == "false"
    assert reply.headers["x-pointsman-job-id"]


async def test_a_server_that_ends_ends_its_streams_and_leaves_their_jobs_going(
    settings: Settings, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "HEAD_SECONDS", 0)
    async with running_api(settings, catalog) as api, asking(api) as reply:
        received, job_id = comments(reply), reply.headers["x-pointsman-job-id"]
        await write(api, job_id, WORDS[0])
        await received.until_text(WORDS[0])
        api.serving.cancel()
        assert await received.rest() == WORDS[0]
        assert [error["code"] for error in received.errors] == ["timeout"]
        assert await api.driver.state(job_id) is JobState.RUNNING


async def test_what_has_begun_outlives_its_wait_and_a_redis_that_goes_away(
    settings: Settings, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "HEAD_SECONDS", 0)
    monkeypatch.setattr(follower, "RECHECK_SECONDS", 0.05)
    monkeypatch.setattr(reading, "REDIS_AWAY_SECONDS", 0.05)
    port, kept = free_port(), {"appendonly": "yes", "appendfsync": "always"}
    async with running_api(settings, catalog, redis_url=f"redis://127.0.0.1:{port}/0") as api:
        with running_redis(tmp_path, port=port, options=kept):
            cut = asking(api, **{"x-pointsman-wait-seconds": "3"})
            reply = await cut.__aenter__()
            received, job_id = comments(reply), reply.headers["x-pointsman-job-id"]
            await write(api, job_id, WORDS[0])
            await received.until_text(WORDS[0])
        over = asyncio.get_running_loop().time() + 3.5
        while asyncio.get_running_loop().time() < over:
            await received.until("pointsman waits for Redis")
        with running_redis(tmp_path, port=port, options=kept):
            await speak(api, job_id, WORDS[1], offset=len(WORDS[0]))
            await received.until_text(WORDS[0] + WORDS[1])
            await succeed(api, job_id)
            assert await received.rest() == ANSWER
            await cut.__aexit__(None, None, None)
    assert received.errors == []


async def test_who_hangs_up_while_redis_is_away_cancels_the_job_later(
    settings: Settings, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "HEAD_SECONDS", 0)
    monkeypatch.setattr(follower, "RECHECK_SECONDS", 0.05)
    port, kept = free_port(), {"appendonly": "yes", "appendfsync": "always"}
    async with running_api(settings, catalog, redis_url=f"redis://127.0.0.1:{port}/0") as api:
        with running_redis(tmp_path, port=port, options=kept):
            cut = asking(api)
            reply = await cut.__aenter__()
            job_id = reply.headers["x-pointsman-job-id"]
        await comments(reply).until("pointsman waits for Redis")
        await cut.__aexit__(None, None, None)
        with running_redis(tmp_path, port=port, options=kept):
            await until_cancelled(api, job_id)


async def test_a_failure_is_reported_in_the_stream_it_belongs_to(api: Api) -> None:
    async with asking(api) as one, asking(api) as other:
        first, second = one.headers["x-pointsman-job-id"], other.headers["x-pointsman-job-id"]
        await write(api, first, WORDS[0])
        await api.finish(second, failure("server_error"))
        received, failed = comments(one), comments(other)
        assert await failed.rest() == ""
        assert [error["code"] for error in failed.errors] == ["server_error"]
        await succeed(api, first)
        assert await received.rest() == ANSWER
        assert received.errors == []


async def test_a_job_of_our_own_endpoint_can_be_a_stream_too(api: Api) -> None:
    await api.driver.announce()
    for stream in (True, False):
        job_id = await api.submit(stream=stream)
        await api.driver.bind(job_id)
        claimed = await api.driver.claim(job_id)
        assert claimed is not None
        assert claimed.payload.get("stream", False) is stream
