"""What callers may give to submit, and how many jobs go into one request."""

from __future__ import annotations

from typing import Any

import pytest

import pointsman.producer
import pointsman.producer.errors
from pointsman.producer.client.specs import ChatFields, make_spec, portions
from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.errors import InvalidJob, PointsmanError
from pointsman.router.vocabulary.job import JobSpec

VALUES: dict[str, Any] = {
    "max_tokens": 5, "temperature": 0, "top_p": 0.5, "top_k": 3, "frequency_penalty": 0.1, "presence_penalty": 0.1,
    "stop": "END", "seed": 1, "tools": [{"function": {"name": "look"}}], "tool_choice": "auto",
    "parallel_tool_calls": False, "response_format": {"type": "json_object"}, "reasoning_effort": "low",
    "thinking": {"type": "disabled"}, "verbosity": "low",
}  # fmt: skip


def test_a_prompt_becomes_a_job_with_an_id() -> None:
    spec = make_spec("hello", {"priority": 7})
    assert (spec.prompt, spec.priority) == ("hello", 7)
    assert spec.id


def test_two_jobs_get_two_ids() -> None:
    assert make_spec("hello", {}).id != make_spec("hello", {}).id


def test_messages_are_short_for_a_request() -> None:
    spec = make_spec(None, {"messages": [{"role": "user", "content": "hello"}]})
    assert spec.chat().messages[0].content == "hello"


@pytest.mark.parametrize("job", [JobSpec(prompt="hello", id="my-own-id"), {"prompt": "hello", "id": "my-own-id"}])
def test_an_id_of_the_caller_is_kept(job: Any) -> None:
    assert make_spec(job, {}) == JobSpec(prompt="hello", id="my-own-id")


def test_fields_go_over_those_of_the_spec() -> None:
    assert make_spec(JobSpec(prompt="hello", priority=1), {"priority": 9}).priority == 9


@pytest.mark.parametrize(
    ("job", "fields", "field"),
    [
        (None, {}, ""),
        (" ", {}, ""),
        ("hello", {"priority": 10}, "priority"),
        ("hello", {"colour": "red"}, "colour"),
        ("hello", {"messages": [{"role": "user", "content": "hello"}]}, "messages"),
        (None, {"messages": [{"role": "user", "content": "x"}], "request": {"messages": []}}, "messages"),
        ("hello", {"temperature": 5}, "temperature"),
        ("", {"temperature": 0}, ""),
        (None, {"request": {"messages": [{"role": "user", "content": "x"}], "seed": 1}, "seed": 2}, "seed"),
        (None, {"request": {"messages": [{"role": "robot", "content": "hello"}]}}, "request.messages.0.role"),
        ("half \ud83d", {}, "prompt"),
    ],
)
def test_a_mistake_is_named_before_anything_is_sent(job: Any, fields: Any, field: str) -> None:
    with pytest.raises(InvalidJob) as caught:
        make_spec(job, fields)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("prority", "prority: there is no such field; did you mean priority?"),
        ("temprature", "temprature: there is no such field; did you mean temperature?"),
        ("max_completion_tokens", "max_completion_tokens: there is no such field; did you mean max_tokens?"),
        ("message", "message: there is no such field; did you mean messages?"),
        ("timeout", "timeout: there is no such field; did you mean expires_in?"),
        ("colour", "colour: there is no such field"),
    ],
)
def test_an_unknown_field_is_named_with_what_may_be_meant(name: str, words: str) -> None:
    with pytest.raises(InvalidJob) as caught:
        make_spec("hello", {name: 3})
    assert str(caught.value) == words


def test_an_unknown_field_inside_of_a_request_is_named_with_its_path() -> None:
    request = {"messages": [{"role": "user", "content": "x", "nme": "y"}]}
    with pytest.raises(
        InvalidJob, match=r"^request\.messages\.0\.nme: there is no such field; did you mean name\?$"
    ):
        make_spec(None, {"request": request})


@pytest.mark.parametrize("name", sorted(set(ChatRequest.model_fields) - {"messages"}))
def test_each_parameter_of_a_chat_request_may_stand_beside_the_prompt(name: str) -> None:
    value = VALUES[name]
    for spec in (make_spec("hello", {name: value}), make_spec({"prompt": "hello", name: value}, {})):
        assert (spec.prompt, spec.chat().messages[0].content) == (None, "hello")
        assert spec.chat() == ChatRequest.model_validate({"messages": spec.chat().messages, name: value})
    assert make_spec("hello", {name: None}).prompt == "hello"


def test_a_system_prompt_and_the_other_fields_stay_beside_parameters() -> None:
    spec = make_spec("hello", {"system": "be short", "temperature": 0, "max_tokens": 5, "priority": 7})
    chat = spec.chat()
    assert [(message.role, message.content) for message in chat.messages] == [
        ("system", "be short"),
        ("user", "hello"),
    ]
    assert (chat.temperature, chat.max_tokens, spec.priority, spec.system) == (0, 5, 7, None)


def test_parameters_join_those_of_a_request() -> None:
    messages = [{"role": "user", "content": "hello"}]
    for job in ({"request": {"messages": messages, "seed": 1}}, {"messages": messages, "seed": 1}):
        chat = make_spec(job, {"temperature": 0}).chat()
        assert (chat.seed, chat.temperature) == (1, 0)


def test_the_parameters_that_a_type_checker_sees_are_all_there_are() -> None:
    assert set(ChatFields.__annotations__) == set(ChatRequest.model_fields) - {"messages"}


def sizes(specs: list[JobSpec], **limits: int) -> list[int]:
    found = list(portions(specs, **limits))
    assert [spec for portion in found for spec in portion] == specs
    return [len(portion) for portion in found]


def test_portions_hold_so_many_jobs() -> None:
    assert sizes([JobSpec(prompt="x")] * 5, jobs=2) == [2, 2, 1]


def test_portions_hold_so_many_bytes_and_a_larger_job_goes_alone() -> None:
    small, large = JobSpec(prompt="x"), JobSpec(prompt="x" * 2000)
    assert sizes([small, small, large, small], size=1100) == [2, 1, 1]


def test_no_jobs_are_no_portion() -> None:
    assert sizes([]) == []


def test_the_endpoint_of_the_package_is_exact() -> None:
    assert pointsman.producer.client.__all__ == ["AsyncClient", "Client", "RunRecord"]


def test_every_error_a_caller_catches_has_one_root() -> None:
    assert all(
        issubclass(getattr(pointsman.producer.errors, name), PointsmanError)
        for name in pointsman.producer.errors.__all__
    )
