"""What is in the wheel: every file of the four folders under one name, built from a checkout or from the sdist."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.installed import build

FOLDERS = ("router", "workers", "producer")


def _expected() -> set[str]:
    """Return the files of the checkout under the names that they are imported by."""
    own = {path for path in (ROOT / "pointsman").rglob("*") if path.is_file()}
    linked = {path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()}
    names = {path.relative_to(ROOT).as_posix() for path in own | linked if "__pycache__" not in path.parts}
    return {name if name.startswith("pointsman/") else f"pointsman/{name}" for name in names}


def _files(folder: Path) -> dict[str, bytes]:
    """Return what is in the wheel of a folder."""
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as packed:
        return {name: packed.read(name) for name in packed.namelist() if not name.endswith("RECORD")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of the checkout."""
    return build(ROOT, tmp_path_factory.mktemp("built"), "wheel", "sdist")


def test_the_wheel_holds_every_file_of_ours_and_nothing_else(built: Path) -> None:
    files = _files(built)
    assert {name for name in files if name.startswith("pointsman/")} == _expected()
    assert all(".dist-info/" in name for name in files if not name.startswith("pointsman/"))
    assert (
        files["pointsman/router/store/lua/bind_jobs.lua"] == (ROOT / "router/store/lua/bind_jobs.lua").read_bytes()
    )


def test_the_sdist_gives_the_same_wheel(built: Path, tmp_path: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as packed:
        packed.extractall(tmp_path, filter="data")
    again = build(next(tmp_path.glob("pointsman-*")), tmp_path / "again", "wheel")
    assert _files(again) == _files(built)
