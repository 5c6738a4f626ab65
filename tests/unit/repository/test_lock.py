"""The lock files fit pyproject.toml, have a hash for every file, and say nothing of where the files come from."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.support.bare import normal
from tests.support.checkout import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = (("linux", "Linux", "x86_64"), ("darwin", "Darwin", "arm64"), ("win32", "Windows", "AMD64"))
FROM_WHERE = ("://", "--index", "--extra-index", "--find-links", " @ ")
MACHINES = [
    {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": short, "platform_system": long,
     "platform_machine": machine, "implementation_name": "cpython", "platform_python_implementation": "CPython",
     "os_name": "nt" if short == "win32" else "posix", "extra": ""}
    for python in PYTHONS
    for short, long, machine in SYSTEMS
]  # fmt: skip


@dataclass(frozen=True)
class Lock:
    """A lock file: the command that made it, and what it pins."""

    command: str
    pins: list[Requirement]

    def versions(self, machine: dict[str, str]) -> dict[str, str]:
        """Return the version of each package that it has for a machine."""
        here = [pin for pin in self.pins if pin.marker is None or pin.marker.evaluate(machine)]
        found = {normal(pin.name): str(pin.specifier).removeprefix("==") for pin in here}
        assert len(found) == len(here), f"something is pinned twice for {machine}"
        return found


@cache
def read_lock(path: Path) -> Lock:
    text = path.read_text(encoding="utf-8")
    entries = re.findall(r"^(?![\s#])(.+?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE)
    assert len(entries) == len(re.findall(r"^[^\s#]", text, re.MULTILINE)), "a line has no hash"
    command = next(line for line in text.splitlines() if "uv pip compile" in line and "via the" not in line)
    return Lock(command, [Requirement(pin) for pin, _ in entries])


def wanted(lock: Lock) -> list[Requirement]:
    """Return what pyproject.toml asks for in the selection that the lock file was made for."""
    project = PROJECT["project"]
    texts = list(project["dependencies"]) if " pyproject.toml " in lock.command else []
    for option, name in re.findall(r"--(extra|group) (\S+)", lock.command):
        texts += (project["optional-dependencies"] if option == "extra" else PROJECT["dependency-groups"])[name]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_file_has_what_pyproject_asks_for_on_every_python_and_system(path: Path) -> None:
    lock = read_lock(path)
    assert wanted(lock)
    for machine in MACHINES:
        versions = lock.versions(machine)
        for requirement in wanted(lock):
            if requirement.marker is None or requirement.marker.evaluate(machine):
                version = versions.get(normal(requirement.name))
                assert version, f"make lock: {requirement} is missing for {machine}"
                assert requirement.specifier.contains(version), f"make lock: {requirement} is not {version}"


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_file_names_no_host_and_no_folder(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines for word in FROM_WHERE if word in line] == []


def test_all_lock_files_agree() -> None:
    for machine in MACHINES:
        everything = read_lock(ROOT / "requirements" / "dev.txt").versions(machine)
        for path in LOCKS:
            here = read_lock(path).versions(machine).items()
            assert [
                f"{path.name}: {name} {version}"
                for name, version in here
                if everything.get(name, version) != version
            ] == []


def test_the_lock_files_have_what_builds_the_checkout() -> None:
    assert PROJECT["dependency-groups"]["build"] == PROJECT["build-system"]["requires"]


def test_every_group_and_extra_has_a_place_in_a_lock_file() -> None:
    commands = " ".join(read_lock(path).command for path in LOCKS)
    named = {*PROJECT["project"]["optional-dependencies"], *PROJECT["dependency-groups"]}
    assert named <= {name for _, name in re.findall(r"--(extra|group) (\S+)", commands)}
