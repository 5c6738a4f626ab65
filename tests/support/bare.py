"""Runs Python as it is where some packages are not installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement

from tests.support.checkout import ROOT

HIDE = """
import sys
from importlib.machinery import PathFinder

class Installed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {hidden!r} else super().find_spec(name, path, target)

sys.meta_path[:] = [Installed if finder is PathFinder else finder for finder in sys.meta_path]
"""
COMMAND = "sys.argv = {arguments!r}\nfrom pointsman.cli.app import main\nmain()\n"


def run_without(
    packages: Iterable[str], *arguments: str, folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `pointsman ARGUMENTS` as if the packages, by the names they are imported by, were not installed."""
    code = HIDE.format(hidden=set(packages)) + COMMAND.format(arguments=["pointsman", *arguments])
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def packages_beyond(wanted: Iterable[Requirement]) -> set[str]:
    """Return every package of this environment that the requirements, and theirs, do not bring; ours excepted."""
    brought = {"pointsman"}
    open_ends = list(wanted)
    while open_ends:
        requirement = open_ends.pop()
        name = normal(requirement.name)
        if name in brought and not requirement.extras:
            continue
        brought.add(name)
        open_ends += _needs(requirement)
    found = packages_distributions()
    return {package for package, names in found.items() if not brought & {normal(name) for name in names}}


def _needs(requirement: Requirement) -> list[Requirement]:
    try:
        needed = [Requirement(text) for text in requires(requirement.name) or ()]
    except PackageNotFoundError:  # of another platform
        return []
    extras = requirement.extras or {""}
    return [one for one in needed if one.marker is None or any(one.marker.evaluate({"extra": e}) for e in extras)]


def normal(name: str) -> str:
    """Return the name of a distribution as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
