"""Says what a release is, and whether the checkout is ready for it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

UNRELEASED = "Unreleased"
HEADING = re.compile(r"^## \[(?P<name>[^\]]+)\](?: - (?P<day>\S+))?\s*$", re.MULTILINE)


class NotReady(Exception):
    """Raised when a version cannot be released; `reasons` says all that is in the way."""

    def __init__(self, reasons: list[str]) -> None:
        self.reasons = reasons
        super().__init__("\n".join(reasons))


@dataclass(frozen=True)
class Section:
    """One version's part of the changelog: its name, its date as written, its lines."""

    name: str
    day: str | None
    text: str


@dataclass(frozen=True)
class Release:
    """A version that may be tagged, with what the changelog says of it."""

    version: str
    notes: str

    @property
    def tag(self) -> str:
        """The name of its tag."""
        return f"v{self.version}"


def find_release(root: Path) -> Release:
    """Return the release that the checkout is ready for; raises NotReady with every reason against it."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    sections = read_sections((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    release = Release(project["version"], next((s.text for s in sections if s.name == project["version"]), ""))
    reasons = [*_tree_reasons(root), *_tag_reasons(root, release), *changelog_reasons(sections, release.version)]
    if reasons:
        raise NotReady(reasons)
    return release


def read_sections(changelog: str) -> list[Section]:
    """Return the sections of a changelog in the order in which they stand there."""
    headings = list(HEADING.finditer(changelog))
    starts = [*(heading.start() for heading in headings), len(changelog)]
    return [
        Section(heading["name"], heading["day"], changelog[heading.end() : end].strip())
        for heading, end in zip(headings, starts[1:], strict=True)
    ]


def changelog_reasons(sections: list[Section], version: str) -> list[str]:
    """Return what the changelog lacks for a version."""
    released = [section for section in sections if section.name != UNRELEASED]
    reasons = [
        f"CHANGELOG.md: lines stand under [{UNRELEASED}]: move them under [{version}]"
        for section in sections
        if section.name == UNRELEASED and section.text
    ]
    section = next((section for section in released if section.name == version), None)
    if section is None:
        return [*reasons, f"CHANGELOG.md: there is no section '## [{version}] - YYYY-MM-DD'"]
    if released[0] is not section:
        reasons.append(f"CHANGELOG.md: [{released[0].name}] stands above [{version}]: is the version right?")
    if not section.text:
        reasons.append(f"CHANGELOG.md: the section of [{version}] is empty")
    if not _is_a_date(section.day):
        reasons.append(f"CHANGELOG.md: the heading of [{version}] has no date: '## [{version}] - YYYY-MM-DD'")
    return reasons


def _is_a_date(text: str | None) -> bool:
    try:
        return date.fromisoformat(text or "").isoformat() == text
    except ValueError:
        return False


def _tree_reasons(root: Path) -> list[str]:
    changed = git(root, "status", "--porcelain").splitlines()
    if not changed:
        return []
    return [f"the tree has changes that are not committed: {', '.join(line[3:] for line in changed[:5])}"]


def _tag_reasons(root: Path, release: Release) -> list[str]:
    if not git(root, "tag", "--list", release.tag):
        return []
    return [f"the tag {release.tag} exists already: raise the version in pyproject.toml"]


def git(root: Path, *words: str, stdin: str | None = None) -> str:
    """Run git in the checkout and return what it printed; raises CalledProcessError."""
    return subprocess.run(
        ["git", *words], cwd=root, input=stdin, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.rstrip()


def make_tag(root: Path, release: Release) -> None:
    """Make the annotated tag, whose message is the version's part of the changelog."""
    message = f"Pointsman {release.version}\n\n{release.notes}\n"
    git(root, "tag", "--annotate", "--cleanup=verbatim", "--file=-", release.tag, stdin=message)
