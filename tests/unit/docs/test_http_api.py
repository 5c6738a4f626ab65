"""docs/http-api.md lists every parameter with what becomes of it, and every route of its endpoints."""

from __future__ import annotations

import re

import pytest

from pointsman.producer.api import create_app
from pointsman.producer.api.failures import ANTHROPIC_PATHS, OPENAI_PATHS, RETRY_HELPS
from pointsman.producer.vendor_apis.anthropic import MESSAGES
from pointsman.producer.vendor_apis.faults import FAULTS
from pointsman.producer.vendor_apis.openai import CHAT, RESPONSES, Parameters
from pointsman.producer.vendor_apis.request import OURS
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.batch import BATCH_MOVES
from pointsman.router.vocabulary.job import JobSpec
from tests.support.checkout import ROOT

PAGE = (ROOT / "docs" / "http-api.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """Return the text below one heading."""
    return PAGE.split(f"### {title}\n")[1].split("\n### ")[0]


@pytest.mark.parametrize(
    ("title", "table"),
    [
        ("The body of a chat completion", CHAT),
        ("The body of a response", RESPONSES),
        ("The body of a message", MESSAGES),
    ],
)
def test_every_parameter_stands_there_with_what_becomes_of_it(title: str, table: Parameters) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", section(title), re.MULTILINE))
    assert rows == {
        **dict.fromkeys(table.supported, "supported"),
        **dict.fromkeys(table.ignored, "ignored"),
        **dict.fromkeys(table.refused, "refused"),
    }
    for name, why in {**table.ignored, **table.refused}.items():
        assert f"| `{name}` |" in section(title)
        assert why in section(title), name


def test_the_moves_of_a_batch_are_those_of_the_table() -> None:
    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", PAGE, re.MULTILINE))
    assert drawn == {(before.value, after.value) for before, moves in BATCH_MOVES.items() for after in moves}


def test_every_field_of_ours_stands_there() -> None:
    text = section("The `pointsman` object of a body").split("they mean")[0]
    assert set(re.findall(r"`(\w+)`", text)) == OURS


def test_every_route_stands_there(settings: Settings, catalog: Catalog) -> None:
    routes = create_app(settings, catalog).openapi()["paths"]
    for path, verbs in routes.items():
        plain = re.sub(r"\{\w+\}", "{id}", path)
        for verb in verbs if not path.startswith((*OPENAI_PATHS, *ANTHROPIC_PATHS)) else ():
            assert f"`{verb.upper()} {plain}`" in PAGE, path
        assert plain in PAGE or plain.rsplit("/", 1)[-1] in PAGE, path


def test_every_field_of_a_job_stands_there() -> None:
    rows = re.findall(r"^\| (`[^|]*`) \|", section("The fields of a job").split("\n## ")[0], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(JobSpec.model_fields)


def test_every_kind_of_error_stands_there_with_what_it_is_called() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\d+) \| `(\w+)` \| false(; true if it ended early)?", section("Errors"), re.MULTILINE
    )
    assert {kind: (int(status), code, bool(early)) for kind, status, code, early in rows} == {
        kind.value: (status, code, kind in RETRY_HELPS) for kind, (status, _, code) in FAULTS.items()
    }
