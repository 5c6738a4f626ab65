"""`make release`: what it refuses, in words that say what to do, and the tag that it makes."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from release.ready import UNRELEASED, NotReady, find_release, git, make_tag, read_sections
from tests.support.checkout import ROOT

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [0.3.0] - 2026-11-28\n\n### Added\n\n- A thing. # really\n"
OLDER = "\n## [0.2.0] - 2026-11-27\n\n- The first version.\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository that is ready for the release of 0.3.0."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "pointsman"\nversion = "0.3.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG + OLDER)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "Tests")
    git(tmp_path, "config", "user.email", "tests@example.invalid")
    git(tmp_path, "config", "tag.gpgSign", "false")
    _commit(tmp_path)
    return tmp_path


def _commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "-c", "commit.gpgSign=false", "commit", "--quiet", "--allow-empty", "--message", "Change it")


def _changelog(old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        file = root / "CHANGELOG.md"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
        _commit(root)

    return change


def _leave_a_file(root: Path) -> None:
    (root / "forgotten.py").write_text("")


def _tag(root: Path) -> None:
    git(root, "tag", "v0.3.0")


def _raise_the_version(root: Path) -> None:
    (root / "pyproject.toml").write_text('[project]\nversion = "0.4.0"\n')
    _commit(root)


def _go_back_a_version(root: Path) -> None:
    (root / "pyproject.toml").write_text('[project]\nversion = "0.2.0"\n')
    _commit(root)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_leave_a_file, "the tree has changes that are not committed: forgotten.py"),
        (_tag, "the tag v0.3.0 exists already: raise the version in pyproject.toml"),
        (_raise_the_version, "CHANGELOG.md: there is no section '## [0.4.0] - YYYY-MM-DD'"),
        (_go_back_a_version, "CHANGELOG.md: [0.3.0] stands above [0.2.0]: is the version right?"),
        (
            _changelog("## [Unreleased]\n", "## [Unreleased]\n\n- Another.\n"),
            "CHANGELOG.md: lines stand under [Unreleased]: move them under [0.3.0]",
        ),
        (
            _changelog("### Added\n\n- A thing. # really\n", ""),
            "CHANGELOG.md: the section of [0.3.0] is empty",
        ),
        (
            _changelog(" - 2026-11-28", ""),
            "CHANGELOG.md: the heading of [0.3.0] has no date: '## [0.3.0] - YYYY-MM-DD'",
        ),
        (
            _changelog("2026-11-28", "2026-13-28"),
            "CHANGELOG.md: the heading of [0.3.0] has no date: '## [0.3.0] - YYYY-MM-DD'",
        ),
    ],
)
def test_a_checkout_that_is_not_ready_is_refused(
    spoil: Callable[[Path], None], reason: str, checkout: Path
) -> None:
    find_release(checkout)
    spoil(checkout)
    with pytest.raises(NotReady) as refused:
        find_release(checkout)
    assert refused.value.reasons == [reason]


def test_the_command_says_all_reasons_and_makes_no_tag(checkout: Path) -> None:
    _leave_a_file(checkout)
    (checkout / "CHANGELOG.md").write_text("# Changelog\n")
    command = [sys.executable, "-m", "release", "--root", str(checkout)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.splitlines() == [
        "not ready to release:",
        "  - the tree has changes that are not committed: CHANGELOG.md, forgotten.py",
        "  - CHANGELOG.md: there is no section '## [0.3.0] - YYYY-MM-DD'",
    ]
    assert git(checkout, "tag") == ""


def test_the_tag_is_annotated_with_the_part_of_the_changelog(checkout: Path) -> None:
    make_tag(checkout, find_release(checkout))
    assert git(checkout, "cat-file", "-t", "v0.3.0") == "tag"
    told = git(checkout, "tag", "--list", "--format=%(contents)", "v0.3.0")
    assert told == "Pointsman 0.3.0\n\n### Added\n\n- A thing. # really"
    assert git(checkout, "rev-parse", "v0.3.0^{commit}") == git(checkout, "rev-parse", "HEAD")


def test_our_own_version_has_a_section_in_the_changelog() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    sections = read_sections((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert [section.name for section in sections[:2]] == [UNRELEASED, version]
