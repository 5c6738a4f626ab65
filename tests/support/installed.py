"""Pointsman as a stranger gets it: a wheel, built from the checkout and unpacked into an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.checkout import ROOT


def build(source: Path, folder: Path, *kinds: str) -> Path:
    """Build a `wheel`, an `sdist` or both of a source tree into a folder, and return the folder."""
    chosen = [part for kind in kinds for part in ("-t", kind)]
    run = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", *chosen, "-d", str(folder)],
        cwd=source, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return folder


@dataclass(frozen=True)
class Installed:
    """An environment with our wheel, and an empty folder to work in."""

    python: Path
    folder: Path

    def run(
        self, *arguments: str, folder: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the environment's Python to its end, without a variable of the developer's own."""
        return subprocess.run(
            [self.python, *arguments], cwd=folder or self.folder, env=environment(**variables),
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip


def environment(**variables: str) -> dict[str, str]:
    """Return the variables of a machine that has never heard of Pointsman, and these."""
    ours = ("PYTHON", "POINTSMAN_", "VIRTUAL_ENV", "COV_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_", "OLLAMA_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | variables


def install(folder: Path) -> Installed:
    """Make an environment with our wheel in it; what the wheel needs comes from the environment of the tests."""
    home, work = folder / "environment", folder / "empty"
    venv.create(home, with_pip=False, symlinks=True)
    work.mkdir()
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)}))
    wheel = next(build(ROOT, folder, "wheel").glob("*.whl"))
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    # paths of a .pth are searched after the environment's own, and their .pth files are not read: no checkout
    paths = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (site / "dependencies.pth").write_text("\n".join(paths), encoding="utf-8")
    return Installed(home / "bin" / "python", work)
