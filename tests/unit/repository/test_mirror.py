"""Where a test stands: beside the file that it tests, in a tree that mirrors the sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.checkout import ROOT

OF_NO_FILE = {"docs", "repository", "system"}
"""Folders of tests of a page, of the repository, or of all parts together."""


def _mirrored() -> list[Path]:
    kinds = [ROOT / "tests" / kind for kind in ("unit", "contract", "integration")]
    found = [path.relative_to(ROOT / "tests") for kind in kinds for path in kind.rglob("test_*.py")]
    return sorted(path for path in found if path.parts[1] not in OF_NO_FILE)


@pytest.mark.parametrize("test", _mirrored(), ids=str)
def test_a_test_stands_where_its_source_does(test: Path) -> None:
    folder = ROOT.joinpath(*test.parts[1:-1])
    name = test.stem.removeprefix("test_")
    sources = {path.stem.strip("_") for path in folder.glob("*.*")} | {"whole"}
    assert any(name == source or name.startswith(f"{source}_") for source in sources), f"no such source in {folder}"
