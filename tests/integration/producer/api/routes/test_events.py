"""What happens to a job, as server-sent events: told as it happens, and again to who comes late or comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from redis.asyncio import Redis

from pointsman.router.store import StreamedPiece
from pointsman.router.vocabulary.job import JobState
from tests.support.job_events import Event, read_events
from tests.support.live import eventually
from tests.support.running_api import Api
from tests.support.store_driver import failure, success

LANE = "technical_support|default|gpt-4,claude"


def follow(api: Api, job_id: str, last: str | None = None) -> AsyncIterator[Event]:
    return read_events(api.http, job_id, last)


async def names(events: AsyncIterator[Event]) -> list[tuple[str, str]]:
    return [(event.id, event.name) async for event in events]


async def until_followed(api: Api, job_id: str) -> None:
    channel = api.driver.keys.key("events", job_id)

    async def subscribed() -> bool:
        return bool(dict(await api.redis.pubsub_numsub(channel))[channel])

    await eventually(subscribed, what="a follower", seconds=10)


async def append_text(api: Api, job_id: str, offset: int, text: str) -> None:
    assert await api.driver.work.append_tokens([StreamedPiece(job_id, 1, offset, text)]) == [True]


async def test_events_come_as_they_happen(api: Api) -> None:
    job_id = await api.submit()
    events = follow(api, job_id)
    assert (await anext(events)).name == "queued"
    await api.driver.announce()
    await api.driver.bind(job_id)
    bound = await anext(events)
    assert (bound.name, bound.data) == ("bound", {"binding": 1, "model": "gpt-4", "reason": "because"})
    await api.driver.claim(job_id)
    started = await anext(events)
    assert (started.name, started.data["attempt"]) == ("started", 1)
    await api.driver.settle(job_id, settlement=success())
    done = await anext(events)
    assert done.name == "done"
    assert done.data == (await api.get(job_id)).json()
    assert [event async for event in events] == []


async def test_who_comes_late_is_configured_alike(api: Api) -> None:
    job_id = await api.submit()
    early = asyncio.create_task(names(follow(api, job_id)))
    await until_followed(api, job_id)
    await api.driver.announce()
    for binding in (1, 2):
        await api.driver.bind(job_id)
        await api.driver.claim(job_id, binding)
        end = failure("server_error", state=JobState.PENDING, lane=LANE) if binding == 1 else success()
        end.attempt["binding"] = binding
        await api.driver.settle(job_id, binding, settlement=end)
    events = await names(follow(api, job_id))
    assert events == [
        ("0.0", "queued"), ("1.1", "bound"), ("1.2", "started"), ("1.4", "retried"),
        ("2.1", "bound"), ("2.2", "started"), ("2.5", "done"),
    ]  # fmt: skip
    assert set(await early) <= set(events)
    for at, (last, _) in enumerate(events[:-1]):
        assert await names(follow(api, job_id, last)) == events[at + 1 :]


async def test_nothing_follows_the_last_event(api: Api) -> None:
    job_id = await api.submit()
    await api.finish(job_id)
    reply = await api.http.get(f"/v1/jobs/{job_id}/events", headers={"last-event-id": "1.5"})
    assert (reply.status_code, reply.content) == (204, b"")


async def test_a_binding_that_nobody_took_is_queued_again(api: Api) -> None:
    job_id = await api.submit()
    await api.driver.announce()
    await api.driver.bind(job_id)
    await api.driver.work.release(job_id, 1)
    events = follow(api, job_id)
    assert [(await anext(events)).id for _ in range(2)] == ["0.0", "1.4"]
    await api.driver.cancel(job_id)
    assert [event.data["error"]["kind"] async for event in events] == ["cancelled"]


async def test_tokens_are_sent_as_they_are_generated_and_to_who_comes_late(api: Api) -> None:
    job_id = await api.submit(stream=True)
    await api.driver.announce()
    await api.driver.bind(job_id)
    await api.driver.claim(job_id)
    await append_text(api, job_id, 0, "Grüße, ")
    events = follow(api, job_id, "1.2")
    assert await anext(events) == Event("1.3.9", "token", {"binding": 1, "offset": 0, "text": "Grüße, "})
    await append_text(api, job_id, 9, "Welt")
    assert await anext(events) == Event("1.3.13", "token", {"binding": 1, "offset": 9, "text": "Welt"})
    back = follow(api, job_id, "1.3.9")
    assert (await anext(back)).data["text"] == "Welt"
    await api.driver.settle(job_id, settlement=success())
    assert [event.name async for event in events] == ["done"]
    assert [event.name async for event in back] == ["done"]


async def test_a_dead_letter_that_begins_anew_goes_on(api: Api) -> None:
    job_id = await api.submit()
    await api.finish(job_id, failure("server_error"))
    assert (await api.http.post(f"/v1/jobs/{job_id}/retry")).status_code == 200
    events = follow(api, job_id, "1.5")
    assert (await anext(events)).name == "queued"
    await api.driver.cancel(job_id)
    assert [event.data["state"] async for event in events] == ["cancelled"]


async def test_an_unknown_job_and_an_odd_id_are_refused(api: Api) -> None:
    assert (await api.http.get("/v1/jobs/never-was-there/events")).status_code == 404
    job_id = await api.submit()
    for odd in ("x", "1.9", "1", "9" * 100 + ".1", "1.3.x", "-1.0"):
        reply = await api.http.get(f"/v1/jobs/{job_id}/events", headers={"last-event-id": odd})
        assert reply.status_code in (400, 422), odd
        assert "is no id of an event" in reply.text


async def test_events_go_on_after_redis_dropped_every_connection(api: Api, redis: Redis) -> None:
    job_id = await api.submit()
    events = follow(api, job_id)
    assert (await anext(events)).name == "queued"
    await redis.client_kill_filter(_type="pubsub")
    await api.finish(job_id)
    assert [event.name async for event in events][-1] == "done"


async def test_a_follower_who_hangs_up_leaves_no_subscription(api: Api) -> None:
    job_id = await api.submit()
    events = follow(api, job_id)
    await anext(events)
    await until_followed(api, job_id)
    await events.aclose()  # type: ignore[attr-defined] # an async generator has it
    channel = api.driver.keys.key("events", job_id)

    async def left() -> bool:
        return not dict(await api.redis.pubsub_numsub(channel))[channel]

    await eventually(left, what="no subscription", seconds=10)
    assert (await api.get(job_id)).json()["state"] == "pending"


async def test_a_stopping_server_ends_the_events(api: Api) -> None:
    job_id = await api.submit()
    events = follow(api, job_id)
    await anext(events)
    api.serving.cancel()
    assert await asyncio.wait_for(names(events), 10) == []
