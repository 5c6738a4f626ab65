"""What becomes of a line: its answer in the shape it asked for, or a failure that can be run again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.producer.file_run.line_job import Defaults, LineJob, LineParser
from pointsman.producer.file_run.line_result import failed, succeeded
from pointsman.producer.files.lines import Line
from pointsman.producer.vendor_apis.openai.batch_line import BadLine
from pointsman.router.vocabulary.chat import Answer
from pointsman.router.vocabulary.errors import UnknownJob
from pointsman.router.vocabulary.job import JobError, JobRecord, JobResult, JobState
from pointsman.router.vocabulary.views import KnownNames

NAMES = KnownNames(models=("gpt-4",), aliases=("fast",), task_classes=("creative_writing", "code"))


CHAT = "/v1/chat/completions"


def line(data: Any, number: int = 7) -> Line:
    text = data if isinstance(data, bytes) else json.dumps(data).encode() + b"\n"
    return Line(number, 100, 100 + len(text), text)


def read(data: Any, **defaults: Any) -> LineJob:
    return LineParser(NAMES, Defaults(defaults), "run").job_of(line(data))  # type: ignore[arg-type] # fields of a test


def openai(model: str | None = "auto", *, url: str = CHAT, **body: Any) -> dict[str, Any]:
    request = {"input": "Hi"} if url == "/v1/responses" else {"messages": [{"role": "user", "content": "Hi"}]}
    named = {} if model is None else {"model": model}
    return {"custom_id": "mine", "method": "POST", "url": url, "body": {**named, **request, **body}}


def record(state: JobState, **more: Any) -> JobRecord:
    times = {"submitted": 1.0, "expires": 2.0, "finished": 1.5}
    return JobRecord(id="j" * 24, state=state, tenant="default", priority=3, max_attempts=4, **times, **more)


RESULT = JobResult(answer=Answer(text="Ho", finish_reason="stop"), model="gpt-4", seconds=0.5, cost_usd=0.25)


def test_an_answer_to_a_line_of_openais_has_their_shape() -> None:
    ended = succeeded(line(openai()), read(openai()), record(JobState.SUCCEEDED, result=RESULT))
    assert (ended.line, ended.succeeded, ended.model, ended.cost_usd) == (7, True, "gpt-4", 0.25)
    assert ended.data["custom_id"] == "mine"
    assert ended.data["response"]["body"]["choices"][0]["message"]["content"] == "Ho"


def test_an_answer_to_another_line_is_its_record() -> None:
    data = {"prompt": "Hi", "custom_id": "c"}
    found = succeeded(line(data), read(data), record(JobState.SUCCEEDED, result=RESULT)).data
    assert (found["line"], found["custom_id"], found["id"]) == (7, "c", "j" * 24)
    assert found["result"]["answer"]["text"] == "Ho"
    assert (
        "custom_id"
        not in succeeded(line(data), read({"prompt": "x"}), record(JobState.SUCCEEDED, result=RESULT)).data
    )


@pytest.mark.parametrize("data", [{"prompt": "Hi", "metadata": {"a": "b"}}, openai("gpt-4")])
def test_a_failure_can_be_run_again(data: dict[str, Any]) -> None:
    ends = [
        failed(line(data), record(JobState.FAILED, error=JobError(kind="timeout", message="late")), None),
        failed(line(data), record(JobState.SUCCEEDED), None),
        failed(line(data), None, UnknownJob("j")),
        failed(line(data), None, BadLine("duplicate_custom_id", "again")),
    ]
    kinds = ["timeout", "result_expired", "unknown_job", "duplicate_custom_id"]
    assert [end.data["error"]["kind"] for end in ends] == kinds
    for end in ends:
        again, first = read(end.data).spec, read(data).spec
        assert again.model_dump(exclude={"id"}) == first.model_dump(exclude={"id"})
        assert failed(line(end.data, 9), None, BadLine("x", "y")).data["error"]["line"] == 9
