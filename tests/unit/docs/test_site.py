"""zensical.toml: every page of docs/ stands in the navigation, and the reference names all that is public."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pointsman
from tests.support.checkout import ROOT

DOCS = ROOT / "docs"
VALUES = {"ChatRequest", "ErrorKind", "JobState"}
"""Public names that are values of fields: the pages on doors and states have them."""


def pages(entries: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the files of a navigation, those of its groups too."""
    for entry in entries:
        for value in entry.values():
            yield from [value] if isinstance(value, str) else pages(value)


def test_every_page_stands_once_in_the_navigation() -> None:
    project = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    written = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
    assert sorted(pages(project["nav"])) == written


def test_the_reference_has_every_public_name() -> None:
    shown = re.findall(r"^::: pointsman\.(\w+)$", (DOCS / "reference.md").read_text(encoding="utf-8"), re.M)
    assert {*shown, "PointsmanError"} | VALUES == set(pointsman.__all__)
    assert len(shown) == len(set(shown))


def test_nothing_of_the_site_comes_from_elsewhere() -> None:
    config = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    assets = [path.read_text(encoding="utf-8") for path in (DOCS / "assets").iterdir()]
    assert "font = false" in config
    assert not re.search(r"https?://", "\n".join([config, *assets]))
