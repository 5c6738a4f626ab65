"""The architecture page names every key and every script, and none that does not exist."""

from __future__ import annotations

import re

from pointsman.router.store.keys import PATTERNS
from pointsman.router.store.scripts import FOLDER
from tests.support.checkout import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def rows(first_header: str) -> set[str]:
    """Return the code words of the first column of one table."""
    table = PAGE.split(f"| {first_header} |")[1].split("\n\n")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE))


def test_the_table_of_keys_is_complete() -> None:
    named = {re.sub(r"<[a-z]+>(:<[a-z]+>)?", "%s", key) for key in rows("key")}
    assert named == set(PATTERNS.values())


def test_the_table_of_scripts_is_complete() -> None:
    assert rows("script") == {path.stem for path in FOLDER.glob("*.lua")}
