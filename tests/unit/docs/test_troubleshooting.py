"""docs/troubleshooting.md quotes what our code says, has every kind of error, and names errors that exist."""

from __future__ import annotations

import ast
import re

import pytest

import pointsman
from pointsman import ErrorKind
from tests.support.checkout import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
PACKAGES = ("router", "workers", "producer", "pointsman")
SHORTEST_PIECE = 12
"""Shorter pieces of messages fit by chance."""


def section(title: str) -> str:
    """Return the text below one heading."""
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def first_cells(title: str) -> list[str]:
    """Return the first cell of each row below the head of a table."""
    return re.findall(r"^\| ([^|]+?) \|", section(title), re.M)[1:]


def pieces() -> set[str]:
    """Return every constant piece of text in our code, those between the fields of f-strings too."""
    found: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return {piece for piece in found if len(piece) >= SHORTEST_PIECE and " " in piece}


QUOTED = [
    quote
    for title in ("It does not start", "Jobs stay `pending`")
    for cell in first_cells(title)
    for quote in re.findall(r"`([^`]+)`", cell)
    if len(quote) > SHORTEST_PIECE and not quote.endswith(": ...")
]


@pytest.mark.parametrize("quote", QUOTED)
def test_a_quoted_message_is_one_of_ours(quote: str) -> None:
    assert any(piece.strip() in quote or quote in piece for piece in pieces())


def test_messages_are_quoted_at_all() -> None:
    assert len(QUOTED) >= 10


def test_every_kind_of_error_stands_there_once() -> None:
    kinds = [kind for cell in first_cells("Jobs fail") for kind in re.findall(r"`(\w+)`", cell)]
    assert sorted(kinds) == sorted(kind.value for kind in ErrorKind)


def test_the_errors_of_the_client_exist() -> None:
    named = {name for cell in first_cells("The client raises") for name in re.findall(r"`([A-Z]\w+)", cell)}
    assert named - {"AsyncResult", "Retry"} <= set(pointsman.__all__)
    assert {"JobFailed", "Conflict", "ApiUnavailable"} <= named
