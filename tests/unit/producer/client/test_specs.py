"""What callers may give to submit, and how many jobs go into one request."""

from __future__ import annotations

from typing import Any

import pytest

import pointsman.producer
import pointsman.producer.errors
from pointsman.producer.client.specs import make_spec, portions
from pointsman.router.vocabulary.errors import InvalidJob, PointsmanError
from pointsman.router.vocabulary.job import JobSpec


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
        ("hello", {"messages": [{"role": "user", "content": "hello"}]}, ""),
        (None, {"request": {"messages": [{"role": "robot", "content": "hello"}]}}, "request.messages.0.role"),
        ("half \ud83d", {}, "prompt"),
    ],
)
def test_a_mistake_is_named_before_anything_is_sent(job: Any, fields: Any, field: str) -> None:
    with pytest.raises(InvalidJob) as caught:
        make_spec(job, fields)
    assert caught.value.field == field


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
    assert pointsman.producer.client.__all__ == ["AsyncClient", "Client"]


def test_every_error_a_caller_catches_has_one_root() -> None:
    assert all(
        issubclass(getattr(pointsman.producer.errors, name), PointsmanError)
        for name in pointsman.producer.errors.__all__
    )
