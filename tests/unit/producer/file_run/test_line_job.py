"""What lines of a file ask for: three kinds, mixed at will, with defaults."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.producer.file_run.line_job import Defaults, LineJob, LineParser
from pointsman.producer.file_run.line_result import failed
from pointsman.producer.files.lines import Line
from pointsman.producer.vendor_apis.openai.batch_line import BadLine
from pointsman.router.vocabulary.errors import InvalidJob
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


def test_a_prompt_alone() -> None:
    found = read({"prompt": "Hi"})
    assert (found.spec.prompt, found.spec.priority, found.custom_id, found.endpoint) == ("Hi", 3, None, "")
    assert found.spec.idempotency_key == "batch:run:7"


def test_a_job_of_ours() -> None:
    found = read(
        {"messages": [{"role": "user", "content": "Hi"}], "model": "fast", "priority": 9, "custom_id": "c"}
    )
    assert (found.spec.model, found.spec.priority, found.custom_id) == ("fast", 9, "c")
    assert found.spec.chat().messages[0].content == "Hi"


@pytest.mark.parametrize("url", [CHAT, "/v1/responses"])
@pytest.mark.parametrize(
    ("model", "wanted"),
    [("auto", (None, None)), ("gpt-4", ("gpt-4", None)), ("fast", ("fast", None)), ("code", (None, "code"))],
)
def test_a_line_of_openais(url: str, model: str, wanted: tuple[str | None, str | None]) -> None:
    found = read(openai(model, url=url, user="me"))
    assert (found.spec.model, found.spec.task_class) == wanted
    assert (found.endpoint, found.custom_id, found.ignored) == (url, "mine", ("user",))
    assert found.spec.chat().messages[0].content == "Hi"


@pytest.mark.parametrize("data", [{"prompt": "Hi"}, openai("auto"), openai(None)])
def test_defaults_are_for_what_a_line_does_not_set(data: dict[str, Any]) -> None:
    found = read(data, task_class="code", priority=1, expires_in=60.0, metric="speed")
    assert (found.spec.task_class, found.spec.priority) == ("code", 1)
    assert (found.spec.expires_in, found.spec.metric) == (60.0, "speed")
    assert read(data, model="gpt-4").spec.model == "gpt-4"


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ({"prompt": "Hi", "model": "fast"}, ("fast", None)),
        ({"prompt": "Hi", "task_class": "creative_writing"}, (None, "creative_writing")),
        (openai("fast"), ("fast", None)),
        (openai("creative_writing"), (None, "creative_writing")),
    ],
)
def test_a_line_that_names_a_model_or_a_class_goes_where_it_says(
    data: dict[str, Any], wanted: tuple[str | None, str | None]
) -> None:
    for defaults in ({"model": "gpt-4"}, {"task_class": "code"}):
        found = read(data, **defaults)
        assert (found.spec.model, found.spec.task_class) == wanted


def test_the_system_prompt_is_for_prompts_alone() -> None:
    assert read({"prompt": "Hi"}, system="Be brief").spec.system == "Be brief"
    assert read({"prompt": "Hi", "system": "Own"}, system="Be brief").spec.system == "Own"
    for data in (openai(), {"messages": [{"role": "user", "content": "Hi"}]}):
        assert len(read(data, system="Be brief").spec.chat().messages) == 1


def test_null_says_nothing() -> None:
    assert read({"prompt": "Hi", "model": None, "custom_id": None}, model="gpt-4").spec.model == "gpt-4"


def test_a_key_of_its_own_is_kept() -> None:
    assert read({"prompt": "Hi", "idempotency_key": "mine"}).spec.idempotency_key == "mine"


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b'{"prompt": "x', "invalid_json_line", "line is not valid JSON"),
        (b'\xff\xfe{"prompt": "x"}', "invalid_json_line", "line is not valid JSON"),
        (b'{"prompt": "\xff"}', "invalid_json_line", "line is not valid JSON"),
        (b"[1]", "invalid_json_line", "not a JSON object"),
        ({"foo": 1}, "no_request", "neither a prompt"),
        ({"prompt": "x", "foo": 1}, "invalid_job", "foo"),
        ({"prompt": "x", "priority": 12}, "invalid_job", "priority"),
        ({"prompt": " "}, "invalid_job", "prompt is empty"),
        ({"prompt": "x", "model": "gpt-9"}, "unknown_model", "gpt-9"),
        ({"prompt": "x", "task_class": "gpt-4"}, "unknown_task_class", "gpt-4"),
        ({"prompt": "x", "custom_id": 5}, "invalid_custom_id", "custom_id"),
        (openai("gpt-9"), "model_not_found", "gpt-9"),
        (openai(None), "missing_required_parameter", "model"),
        (openai(logprobs=True), "unsupported_parameter", "logprobs"),
        (openai(url="/v1/embeddings"), "invalid_url", "/v1/responses"),
        ({"body": {}}, "invalid_url", "url"),
        ({**openai(), "method": "GET"}, "invalid_method", "POST"),
        ({**openai(), "custom_id": ""}, "invalid_custom_id", "custom_id"),
    ],
)
def test_a_line_that_cannot_be_done_says_why(data: Any, code: str, words: str) -> None:
    with pytest.raises(BadLine, match=words) as caught:
        read(data)
    assert caught.value.code == code


def test_a_line_that_is_too_long_says_so() -> None:
    with pytest.raises(BadLine, match="longer than"):
        LineParser(NAMES, Defaults({}), "run").job_of(Line(1, 0, 5, None))


@given(data=st.binary(max_size=40) | st.from_regex(rb'\{"(prompt|messages|body|url)": .{0,20}\}', fullmatch=True))
def test_whatever_stands_there_is_a_job_or_a_bad_line(data: bytes) -> None:
    reader = LineParser(NAMES, Defaults({}), "run")
    try:
        assert reader.job_of(line(data)).spec.id
    except BadLine as error:
        ended = failed(line(data), None, error)
        again = json.loads(json.dumps(ended.data))
        assert again["error"]["line"] == 7
        with pytest.raises(BadLine):
            reader.job(again, 1)


@pytest.mark.parametrize("name", ["id", "idempotency_key", "request", "messages"])
def test_what_cannot_be_the_same_for_all_is_no_default(name: str) -> None:
    with pytest.raises(InvalidJob):
        Defaults({name: "x"})  # type: ignore[misc] # fields of a test


def test_a_wrong_default_is_reported() -> None:
    with pytest.raises(InvalidJob) as caught:
        Defaults({"priority": 12})
    assert caught.value.field == "priority"
