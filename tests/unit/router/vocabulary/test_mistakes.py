"""What is said of a wrong value: words, and what may be meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.job import JobSpec
from pointsman.router.vocabulary.mistakes import ALLOWED, did_you_mean, names_at


def patterns(schema: Any) -> Iterator[str]:
    """Yield each pattern of a JSON schema, those of keys among them."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        yield from schema.get("patternProperties", {})
        for part in schema.values():
            yield from patterns(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from patterns(part)


@pytest.mark.parametrize("kind", [Settings, Catalog, JobSpec])
def test_each_pattern_has_its_words(kind: type[BaseModel]) -> None:
    found = set(patterns(kind.model_json_schema()))
    assert found
    assert found - set(ALLOWED) == set()


def test_the_names_of_a_field_are_those_of_the_model_it_stands_in() -> None:
    assert "base_url" in names_at(Catalog, ("models", "gpt-4", "bas_url"))
    assert "concurrency" in names_at(Catalog, ("models", "gpt-4", "limits", "rpm"))
    assert "schema" in names_at(JobSpec, ("request", "response_format", "json_schema", "shema"))
    assert names_at(JobSpec, ("prority",)) == set(JobSpec.model_fields)


@pytest.mark.parametrize(
    ("name", "words"), [("prority", "; did you mean priority?"), ("colour", ""), ("PRIORITY", "")]
)
def test_only_a_close_name_is_meant(name: str, words: str) -> None:
    assert did_you_mean(name, ["priority", "prompt"]) == words
