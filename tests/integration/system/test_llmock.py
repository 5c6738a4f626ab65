"""Real parts against llmock, which grades how its clients take faults: its strict verdict has to be clean."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobState
from pointsman.simulated.catalog import write_catalog
from tests.support.live import Live, running_live
from tests.support.llmock_process import LLMockProcess, running_llmock

VENDORS = {"gpt-4": "openai", "claude": "anthropic", "gemini": "gemini"}
ROUNDS, JOBS_EACH, STREAMS_EACH = 3, 35, 16
TOO_LONG_SECONDS, TIMEOUT_SECONDS = 8.0, 4.0

FAULTS: tuple[dict[str, Any], ...] = (
    {"type": "fail", "status": 429, "retry_after": 2},
    {"type": "fail", "status": 500},
    {"type": "fail", "status": 503, "retry_after": 1},
    {"type": "fail", "status": 529},
    {"type": "delay", "seconds": TOO_LONG_SECONDS},
)


NO_WORDS_YET = {"openai": 1, "anthropic": 2, "gemini": 0}
"""How many events of a stream come before its first words."""

STREAM_FAULTS: tuple[dict[str, Any], ...] = (
    {"type": "stream_fault", "kind": "disconnect"},
    {"type": "stream_fault", "kind": "truncate"},
    {"type": "stream_fault", "kind": "malformed"},
    {"type": "stream_fault", "kind": "stall", "stall_seconds": TOO_LONG_SECONDS},
)


def point_at_llmock(live: Live, llmock: LLMockProcess) -> None:
    """Let every model call llmock, in its own wire format."""
    for name, vendor in VENDORS.items():
        change = {"base_url": llmock.base_urls[vendor], "timeout_seconds": TIMEOUT_SECONDS, "worker_concurrency": 8}
        live.catalog.models[name] = live.catalog.models[name].model_copy(update=change | {"api_key_env": "ANY_KEY"})
    write_catalog(live.catalog, live.models_file)


def read(llmock: LLMockProcess, path: str) -> str:
    with urllib.request.urlopen(f"{llmock.url}/_llmock/{path}", timeout=30) as reply:
        return str(reply.read().decode())


@pytest.mark.slow
async def test_the_strict_verdict_of_llmock_is_clean_for_all_formats(
    settings: Settings, catalog: Catalog, tmp_path: Path
) -> None:
    with running_llmock("--rpm", "600") as llmock:
        async with running_live(settings, catalog, tmp_path) as live:
            point_at_llmock(live, llmock)
            live.dispatcher()
            live.dispatcher()
            for name in VENDORS:
                live.worker(name, ANY_KEY="sk-any")
            await live.until_capacity(gpt_4=8, claude=8, gemini=8)
            for at in range(ROUNDS):
                await one_round(live, llmock, start=at * JOBS_EACH)
        verdict = json.loads(await asyncio.to_thread(read, llmock, "verdict"))
        print(await asyncio.to_thread(read, llmock, "verdict?format=text"))
        requests = json.loads(await asyncio.to_thread(read, llmock, "requests"))["requests"]
    assert verdict["findings"] == [], live.logs()
    failed = Counter((request["provider"], request["status"]) for request in requests if request["status"] >= 400)
    assert failed == {(vendor, status): ROUNDS for vendor in VENDORS.values() for status in (429, 500, 503, 529)}


async def one_round(live: Live, llmock: LLMockProcess, *, start: int) -> None:
    """Script each fault once for each format, submit jobs, and see that all of them get their answer."""
    for vendor in VENDORS.values():
        for fault in FAULTS:
            await asyncio.to_thread(llmock.script, **fault, match={"provider": vendor})
    ids = []
    for model in VENDORS:
        ids += await live.submit(JOBS_EACH, model=model, task_class=None, start=start)
    records = await live.until_done(ids, seconds=90)
    assert {record.state for record in records} == {JobState.SUCCEEDED}, live.logs()
    kinds = Counter(
        (record.model, attempt.kind) for record in records for attempt in record.history if attempt.kind
    )
    wanted = {"rate_limited": 1, "server_error": 1, "overloaded": 2, "timeout": 1}
    assert kinds == {(model, kind): count for model in VENDORS for kind, count in wanted.items()}


@pytest.mark.slow
async def test_streams_that_break_off_before_their_first_words_are_tried_again_as_llmock_wants_it(
    settings: Settings, catalog: Catalog, tmp_path: Path
) -> None:
    # slow enough that it sees us hang up at an event that is no JSON
    with running_llmock("--response-style", "static", "--stream-chunk-delay-ms", "250") as llmock:
        async with running_live(settings, catalog, tmp_path) as live:
            point_at_llmock(live, llmock)
            live.dispatcher()
            for name in VENDORS:
                live.worker(name, ANY_KEY="sk-any")
            await live.until_capacity(gpt_4=8, claude=8, gemini=8)
            for vendor in VENDORS.values():
                for fault in STREAM_FAULTS:
                    where = {"after_chunks": NO_WORDS_YET[vendor], "match": {"provider": vendor, "stream": True}}
                    await asyncio.to_thread(llmock.script, **fault, **where)
            ids = []
            for model in VENDORS:
                ids += await live.submit(STREAMS_EACH, model=model, task_class=None, stream=True)
            records = await live.until_done(ids, seconds=90)
            assert {record.state for record in records} == {JobState.SUCCEEDED}, live.logs()
        verdict = json.loads(await asyncio.to_thread(read, llmock, "verdict"))
        requests = json.loads(await asyncio.to_thread(read, llmock, "requests"))["requests"]
    assert verdict["findings"] == [], live.logs()
    assert all(request["stream"] for request in requests)
    kinds = Counter(
        (record.model, attempt.kind) for record in records for attempt in record.history if attempt.kind
    )
    wanted = {"bad_response": 3, "timeout": 1}
    assert kinds == {(model, kind): count for model in VENDORS for kind, count in wanted.items()}


async def test_a_stream_that_llmock_cuts_after_its_first_words_is_no_answer_and_is_not_called_again(
    settings: Settings, catalog: Catalog, tmp_path: Path
) -> None:
    with running_llmock("--stream-chunk-delay-ms", "200") as llmock:
        async with running_live(settings, catalog, tmp_path) as live:
            point_at_llmock(live, llmock)
            live.dispatcher()
            live.worker("claude", ANY_KEY="sk-any")
            await live.until_capacity(claude=8)
            await asyncio.to_thread(llmock.script, type="reply", text="one two three four five six seven eight")
            await asyncio.to_thread(llmock.script, type="stream_fault", kind="truncate", after_chunks=9)
            [job_id] = await live.submit(1, model="claude", task_class=None, stream=True)
            [record] = await live.until_done([job_id])
        requests = json.loads(await asyncio.to_thread(read, llmock, "requests"))["requests"]
    assert (record.state, record.error and record.error.kind) == (JobState.FAILED, "bad_response"), live.logs()
    assert len(requests) == 1
