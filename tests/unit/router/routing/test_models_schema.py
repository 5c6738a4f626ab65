"""The JSON schema of models.yaml takes what the loader takes, and marks what it does not."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from pointsman.router.routing.models_schema import DIALECT, models_schema
from tests.support.checkout import ROOT

SCHEMA = models_schema()
CHECK = jsonschema.Draft7Validator(SCHEMA)
MODEL = {"format": "openai", "base_url": "http://127.0.0.1:1/v1", "upstream": "m"}
SMALL: dict[str, Any] = {"models": {"a": MODEL}, "task_classes": {"c": {"models": ["a"]}}, "default_class": "c"}


def _with(value: object, *path: str) -> dict[str, Any]:
    """Return a small file with another value at a path."""
    changed = copy.deepcopy(SMALL)
    inside = changed
    for part in path[:-1]:
        inside = inside.setdefault(part, {})
    inside[path[-1]] = value
    return changed


@pytest.mark.parametrize("file", ["models.yaml", "pointsman/demo/models.yaml"])
def test_the_files_that_we_ship_keep_to_it(file: str) -> None:
    CHECK.validate(yaml.safe_load((ROOT / file).read_text(encoding="utf-8")))


def test_the_file_beside_models_yaml_is_up_to_date_and_named_there() -> None:
    written = (ROOT / "models.schema.json").read_text(encoding="utf-8")
    assert json.loads(written) == SCHEMA, "pointsman schema > models.schema.json"
    first = (ROOT / "models.yaml").read_text(encoding="utf-8").partition("\n")[0]
    assert (first, SCHEMA["$schema"]) == ("# yaml-language-server: $schema=models.schema.json", DIALECT)
    CHECK.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "data",
    [
        SMALL,
        _with("round_robin", "task_classes", "c", "strategy"),
        _with("my_package:STRATEGY", "task_classes", "c", "strategy"),
        _with({"name": "weighted_round_robin", "weights": {"a": 1}}, "task_classes", "c", "strategy"),
        _with(["contextual", {"name": "performance"}], "task_classes", "c", "strategy"),
        _with("builtin", "task_classes", "c", "examples"),
        _with("builtin:code", "task_classes", "c", "examples"),
        _with(["one", "two"], "task_classes", "c", "examples"),
        _with("examples.jsonl", "task_classes", "c", "examples_file"),
        _with(["a"], "aliases", "x"),
        _with({"models": ["a"], "strategy": "random"}, "aliases", "x"),
        _with(None, "models", "a", "breaker"),
    ],
)
def test_every_way_to_write_a_thing_is_allowed(data: dict[str, Any]) -> None:
    assert [error.message for error in CHECK.iter_errors(data)] == []


@pytest.mark.parametrize(
    "data",
    [
        {"models": {"a": MODEL}},
        _with("sk-1", "models", "a", "api_key"),
        _with("grpc", "models", "a", "format"),
        _with(0, "models", "a", "worker_concurrency"),
        _with(MODEL, "models", "a b"),
        _with("a", "models", "a", "name"),
        _with([], "task_classes", "c", "models"),
        _with("some", "task_classes", "c", "examples"),
        _with({"weights": {}}, "task_classes", "c", "strategy"),
        _with([], "aliases", "x"),
    ],
)
def test_mistakes_are_marked(data: dict[str, Any]) -> None:
    assert not CHECK.is_valid(data)


def test_every_field_is_explained() -> None:
    def fields() -> Iterator[tuple[str, dict[str, Any]]]:
        for kind in (SCHEMA, *SCHEMA["$defs"].values()):
            yield from kind["properties"].items()

    assert [name for name, field in fields() if not field.get("description")] == []
