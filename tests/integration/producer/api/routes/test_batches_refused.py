"""Batches that cannot be: files that are wrong, each in its own way, and requests that are refused at once."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tests.support.batch_files import chat_line, create, jsonl, until_status
from tests.support.running_api import Api

BAD = {
    "half a line": (b'{"custom_id": "a", "method": "PO', "invalid_json_line", 1),
    "invalid UTF-8": (jsonl([chat_line("a")]) + b'{"custom_id": "\xff"}\n', "invalid_json_line", 2),
    "half of a surrogate pair": (jsonl([chat_line("a", user="\ud800")]), "invalid_json_line", 1),
    "nested without end": (b"[" * 200_000, "invalid_json_line", 1),
    "no object": (jsonl([chat_line("a")]) + b"[]\n", "invalid_json_line", 2),
    "twice the same": (jsonl([chat_line("a"), chat_line("b"), chat_line("a")]), "duplicate_custom_id", 3),
    "no custom_id": (jsonl([{**chat_line("a"), "custom_id": None}]), "invalid_custom_id", 1),
    "another url": (jsonl([{**chat_line("a"), "url": "/v1/embeddings"}]), "url_mismatch", 1),
    "another method": (jsonl([{**chat_line("a"), "method": "GET"}]), "invalid_method", 1),
    "no body": (jsonl([{**chat_line("a"), "body": "x"}]), "invalid_body", 1),
    "another field": (jsonl([{**chat_line("a"), "priority": 1}]), "unknown_parameter", 1),
    "a line that is too long": (jsonl([chat_line("x" * 10_000_000)]), "line_too_long", 1),
    "nothing": (b"", "empty_file", None),
    "blank lines": (b"\n \n\r\n", "empty_file", None),
    "too many lines": (b"{}\n" * 50_001, "invalid_custom_id", 1),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_file_ends_its_batch_and_says_where(sdk: AsyncOpenAI, api: Api, case: str) -> None:
    content, code, line = BAD[case]
    batch = await create(sdk, content)
    batch = await until_status(sdk, batch.id)
    assert batch.status == "failed"
    assert batch.failed_at is not None
    assert batch.errors is not None
    assert batch.errors.data
    assert (batch.errors.data[0].code, batch.errors.data[0].line) == (code, line)
    assert batch.output_file_id is batch.error_file_id is None
    assert await api.redis.zcard(api.driver.keys.key("state", "pending")) == 0


async def test_a_file_with_too_many_lines_is_reported(sdk: AsyncOpenAI) -> None:
    lines = b"".join(b'{"custom_id":"%d","url":"/v1/chat/completions","body":{}}\n' % at for at in range(50_001))
    batch = await until_status(sdk, (await create(sdk, lines)).id)
    assert batch.errors is not None
    assert [error.code for error in batch.errors.data or []] == ["too_many_tasks"]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"input_file_id": "file-000000000000000000000000"}, "input_file_id"),
        ({"input_file_id": "../x"}, "input_file_id"),
        ({"endpoint": "/v1/embeddings"}, "endpoint"),
        ({"completion_window": "soon"}, "completion_window"),
        ({"completion_window": "31d"}, "completion_window"),
        ({"metadata": {"a": "x" * 513}}, "metadata.a"),
        ({"extra_body": {"color": "red"}}, "color"),
    ],
)
async def test_a_batch_that_cannot_be_asked_for_is_refused(
    sdk: AsyncOpenAI, more: dict[str, Any], param: str
) -> None:
    file = await sdk.files.create(file=("a", b"x"), purpose="batch")
    asked: dict[str, Any] = {
        "input_file_id": file.id, "endpoint": "/v1/chat/completions", "completion_window": "24h", **more,
    }  # fmt: skip
    with pytest.raises(openai.BadRequestError) as caught:
        await sdk.batches.create(**asked)
    assert caught.value.param == param


async def test_a_file_of_another_purpose_is_refused(sdk: AsyncOpenAI) -> None:
    file = await sdk.files.create(file=("a", jsonl([chat_line("a")])), purpose="user_data")
    with pytest.raises(openai.BadRequestError) as caught:
        await sdk.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert caught.value.code == "invalid_purpose"


async def test_numbers_beyond_all_measure_are_refused(sdk: AsyncOpenAI, api: Api) -> None:
    batch = await create(sdk, jsonl([chat_line("a")]))
    reply = await api.http.get(f"/v1/batches/{batch.id}/results", params={"after": 10**25})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "after")
    for path, field in (("/v1/jobs?state=pending&cursor=", "cursor"), ("/v1/dead?since=", "since")):
        reply = await api.http.get(f"{path}{10**300}")
        assert (reply.status_code, reply.json()["error"]["field"]) == (422, field)
