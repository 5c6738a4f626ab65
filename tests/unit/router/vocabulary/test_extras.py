"""What our code imports is installed by the extra that the message names."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pointsman.router.vocabulary.errors import ConfigError
from pointsman.router.vocabulary.extras import PACKAGES, naming_extras, require
from tests.support.bare import packages_beyond
from tests.support.checkout import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _requirements(extra: str | None = None) -> list[Requirement]:
    texts = PROJECT["dependencies"] + (PROJECT["optional-dependencies"][extra] if extra else [])
    return [Requirement(text) for text in texts]


def _imported() -> dict[str, Path]:
    """Return each package of others that our code imports, with a file that does."""
    own = [path for folder in ("router", "workers", "producer", "pointsman") for path in _files(folder)]
    found = {package: path for path in own for package in _imports(path)}
    return {package: path for package, path in found.items() if package not in sys.stdlib_module_names}


def _files(folder: str) -> Iterator[Path]:
    yield from (ROOT / folder).rglob("*.py")


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def test_every_package_that_is_imported_is_in_a_bare_installation_or_has_an_extra_with_a_name() -> None:
    missing_when_bare = packages_beyond(_requirements())
    without_extra = missing_when_bare - {package for packages in PACKAGES.values() for package in packages}
    imported = _imported()
    assert {"httpx", "celery", "sklearn"} <= set(imported)
    assert {package: imported[package] for package in without_extra & set(imported)} == {}


@pytest.mark.parametrize("extra", sorted(PACKAGES))
def test_an_extra_brings_the_packages_that_it_is_named_for_and_a_bare_installation_has_none(extra: str) -> None:
    named = set(PACKAGES[extra])
    assert named & packages_beyond(_requirements(extra)) == set()
    assert named <= packages_beyond(_requirements())


MISSING = r"^this command needs the package nowhere, .* pip install 'pointsman\[server\]'"


def test_a_missing_package_is_told_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGES, "server", ("celery", "nowhere"))
    with pytest.raises(ConfigError, match=MISSING), naming_extras("this command"):
        import_module("nowhere.app")
    with pytest.raises(ConfigError, match=MISSING):
        require("server", what="this command")


@pytest.mark.parametrize("name", ["somebody", "celery.no_such_module"])
def test_what_no_extra_would_mend_stays_an_import_error(name: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=name), naming_extras("this command"):
        import_module(name)


def test_an_extra_that_is_installed_may_be_required_after_its_packages_were_used() -> None:
    assert import_module("celery").Celery
    require("server", what="a test")
