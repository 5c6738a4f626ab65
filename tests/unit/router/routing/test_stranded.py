"""Which waiting jobs no model will ever take, what the catalog itself says of them, and what else to do."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.stranded import Destination, Origin, stranded_because, way_out
from pointsman.router.vocabulary.lanes import Lane

MODEL = {"format": "openai", "base_url": "http://x", "upstream": "x"}


def catalog(**changes: Any) -> Catalog:
    data = {
        "models": {"new": MODEL, "other": MODEL},
        "task_classes": {"coding": {"models": ["new"], "formerly": ["code", "programs"]}},
        "default_class": "coding",
        "aliases": {"old": ["new"]},
    }
    return Catalog.model_validate(data | changes)


@pytest.mark.parametrize(
    ("lane", "way"),
    [
        ("coding|t|new", None),
        ("coding|t|gone,new", None),
        ("coding|t|gone", Destination()),
        ("code|t|gone", Destination(task_class="coding")),
        ("code|t|new", Destination(task_class="coding")),
        ("programs|t|new|new", Destination(task_class="coding")),
        ("@old|t|old", Destination()),
        ("@gone|t|gone", None),
        ("~gone|t|gone,lost", None),
        ("~old|t|gone", Destination()),
        ("lost_class|t|other", None),
        ("lost_class|t|gone", None),
    ],
)
def test_the_catalog_says_where_jobs_go(lane: str, way: Destination | None) -> None:
    assert way_out(Lane.parse(lane), catalog()) == way


@pytest.mark.parametrize(
    ("lane", "words"),
    [
        ("@gone|t|gone", "pointsman move --from-model gone --to-model MODEL"),
        ("~gone|t|a,b", "pointsman move --from-model gone --to-model MODEL"),
        ("lost_class|t|a,b", "pointsman move --from-class lost_class --to-class CLASS"),
    ],
)
def test_who_waits_for_nobody_is_told_what_to_do(lane: str, words: str) -> None:
    assert words in (stranded_because(Lane.parse(lane), catalog()) or "")


@pytest.mark.parametrize(
    "lane", ["coding|t|new", "coding|t|gone", "code|t|gone", "@old|t|old", "lost_class|t|other"]
)
def test_who_can_be_served_is_not_stranded(lane: str) -> None:
    assert stranded_because(Lane.parse(lane), catalog()) is None


@pytest.mark.parametrize(
    ("origin", "lanes"),
    [
        (Origin(task_class="a"), {"a|t|x", "a|u|y|y"}),
        (Origin(model="m"), {"@m|t|m", "~m|t|x,y"}),
        (Origin(task_class="m"), set()),
    ],
)
def test_an_origin_has_the_jobs_of_its_class_or_that_name_its_model(origin: Origin, lanes: set[str]) -> None:
    every = {"a|t|x", "a|u|y|y", "b|t|m", "@m|t|m", "~m|t|x,y", "@n|t|n"}
    assert {name for name in every if origin.has(Lane.parse(name))} == lanes


def test_a_former_name_is_no_other_ones() -> None:
    classes = {"coding": {"models": ["new"], "formerly": ["b"]}, "b": {"models": ["new"]}}
    with pytest.raises(ValueError, match="a class is called 'b' already"):
        catalog(task_classes=classes)
    classes = {name: {"models": ["new"], "formerly": ["old_one"]} for name in ("coding", "b")}
    with pytest.raises(ValueError, match="formerly the class 'coding'"):
        catalog(task_classes=classes)


def test_a_former_name_may_be_named_by_a_job() -> None:
    assert {"coding", "code", "programs"} <= set(catalog().names.task_classes)
    assert catalog().current_class("code") == "coding"
    assert catalog().current_class("unheard_of") == "unheard_of"
