"""The simulated server over raw HTTP: its faults, its limits, its keys, its counts."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.router.runtime.http import HTTPError, Response
from pointsman.simulated.ledger import prompt_hash
from tests.support.simulated_server import (
    EVERY_FORMAT,
    PROMPT,
    Ask,
    ask_anthropic,
    ask_gemini,
    ask_openai,
    serving,
    stats,
    until_in_flight,
)


@EVERY_FORMAT
@pytest.mark.parametrize("rate", ["server_error_rate", "overloaded_rate", "rate_limit_rate"])
async def test_every_error_is_marked_and_names_its_kind(ask: Ask, rate: str) -> None:
    async with serving(**{rate: 1.0}) as http:
        reply = await ask(http)
    statuses = {"server_error_rate": {500}, "overloaded_rate": {503, 529}, "rate_limit_rate": {429}}
    assert reply.status_code in statuses[rate]
    assert reply.headers["x-simulated"] == "true"
    assert ("retry-after" in reply.headers) == (rate == "rate_limit_rate")


@EVERY_FORMAT
async def test_bad_responses_are_truncated_malformed_or_unfinished(ask: Ask) -> None:
    seen = set()
    async with serving(bad_response_rate=1.0) as http:
        for number in range(30):
            reply = await ask(http, f"{PROMPT} {number}")
            assert reply.status_code == 200
            seen.add(_damage(reply))
    assert seen == {"truncated", "malformed", "unfinished"}


def _damage(reply: Response) -> str:
    if reply.text.startswith("<html>"):
        return "malformed"
    try:
        body = reply.json()
    except ValueError:
        return "truncated"
    choice = (body.get("choices") or body.get("candidates") or [body])[0]
    reasons = [choice.get(name) for name in ("finish_reason", "finishReason", "stop_reason")]
    return "fine" if any(reasons) else "unfinished"


@EVERY_FORMAT
async def test_a_disconnect_comes_in_the_middle_of_the_body(ask: Ask) -> None:
    async with serving(disconnect_rate=1.0) as http:
        with pytest.raises(HTTPError):
            await ask(http)
        counts = (await stats(http))["models"]["m"]
    assert (counts["errors"], counts["in_flight"]) == ({"connection": 1}, 0)


@EVERY_FORMAT
async def test_a_wrong_key_is_refused_and_the_right_one_is_not(ask: Ask) -> None:
    async with serving(required_key="right") as http:
        http.headers.update({"Authorization": "Bearer wrong"})
        refused = await ask(http)
        http.headers.update({"Authorization": "Bearer right"})
        assert (await ask(http)).status_code == 200
        assert (await http.get("/config")).json().get("required_key") is None
    assert (refused.status_code, refused.headers["x-simulated"]) == (401, "true")


async def test_each_vendors_own_key_header_is_read() -> None:
    async with serving(required_key="right") as http:
        http.headers.update({"x-api-key": "right", "x-goog-api-key": "right"})
        assert (await ask_anthropic(http)).status_code == 200
        assert (await ask_gemini(http)).status_code == 200
        assert (await ask_openai(http)).status_code == 401


@EVERY_FORMAT
async def test_an_unreadable_request_gets_400_in_the_vendors_shape(ask: Ask) -> None:
    async with serving() as http:
        reply = await ask(http, **{"messages": [], "contents": []})
    assert reply.status_code == 400
    assert "at least one" in reply.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{not json", b'{"model": "m", "messages": [1]}', b'"text"'])
async def test_a_body_that_is_no_request_gets_400(body: bytes) -> None:
    async with serving() as http:
        assert (await http.post("/v1/chat/completions", content=body)).status_code == 400


async def test_above_the_requests_per_minute_the_answer_says_when_to_come_back() -> None:
    async with serving(requests_per_minute=2) as http:
        replies = [await ask_openai(http, str(number)) for number in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert 58 <= int(replies[2].headers["retry-after"]) <= 60


async def test_a_full_line_refuses_and_config_opens_it_again() -> None:
    async with serving(base_seconds=600, concurrency=1, queue_limit=1) as http:
        waiting = [asyncio.create_task(ask_openai(http, str(number))) for number in range(2)]
        await until_in_flight(http, 2)
        refused = await ask_openai(http, "third")
        await http.post("/config", json={"default": {"base_seconds": 0, "concurrency": None}})
        admitted = await ask_openai(http, "fourth")
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
    assert (refused.status_code, admitted.status_code) == (429, 200)


async def test_a_client_that_hangs_up_gives_its_place_back() -> None:
    async with serving(base_seconds=600, concurrency=1) as http:
        abandoned = asyncio.create_task(ask_openai(http, "long"))
        await until_in_flight(http, 1)
        await http.post("/config", json={"default": {"base_seconds": 0}})
        abandoned.cancel()
        assert (await ask_openai(http, "short")).status_code == 200
        assert (await stats(http))["models"]["m"]["errors"] == {"cancelled": 1}


async def test_behaviour_changes_while_it_runs_and_back() -> None:
    async with serving() as http:
        await http.post("/config", json={"models": {"m": {"server_error_rate": 1.0}}})
        broken = await ask_openai(http)
        await http.post("/config", json={"models": {"m": None}})
        healed = await ask_openai(http)
        wrong = await http.post("/config", json={"default": {"server_error_rate": 2}})
    assert (broken.status_code, healed.status_code, wrong.status_code) == (500, 200, 400)
    assert "server_error_rate" in wrong.text


async def test_stats_distinguish_calls_from_paid_calls() -> None:
    async with serving(rate_limit_rate=1.0) as http:
        await ask_openai(http)
        await http.post("/config", json={"default": {"rate_limit_rate": 0}})
        await ask_openai(http)
        found = await stats(http)
    name = prompt_hash(PROMPT)
    assert (found["calls"], found["paid"], found["requests"]) == ({name: 2}, {name: 1}, 2)
    assert found["models"]["m"]["calls"] == {name: 2}
    assert found["models"]["m"]["errors"] == {"rate_limited": 1}


async def test_every_reply_is_marked_even_one_of_no_endpoint() -> None:
    async with serving() as http:
        for reply in (await http.get("/healthz"), await http.get("/stats"), await http.get("/nowhere")):
            assert reply.headers["x-simulated"] == "true"


async def test_two_thousand_requests_are_in_flight_at_once() -> None:
    async with serving(base_seconds=600) as http:
        tasks = [asyncio.create_task(ask_openai(http, f"job {number}")) for number in range(2000)]
        await until_in_flight(http, 2000)
        counts = (await stats(http))["models"]["m"]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert counts["in_flight"] == counts["most_in_flight"] == 2000
    assert set(counts["paid"].values()) == {1}


async def test_a_model_that_says_its_limits_does_so_with_answers_and_errors() -> None:
    async with serving(requests_per_minute=2, sends_limits=True) as http:
        replies = [await ask_openai(http) for _ in range(3)]
        dated = await ask_anthropic(http)
        silent = await ask_gemini(http)
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert [reply.headers["x-ratelimit-remaining-requests"] for reply in replies] == ["1", "0", "0"]
    assert all(reply.headers["x-ratelimit-reset-requests"].endswith("ms") for reply in replies)
    assert dated.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert not [name for name in silent.headers if "ratelimit" in name]
