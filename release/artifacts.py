"""Builds the sdist and the wheel, and tries the wheel where no checkout is near."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

IMPORT = "from pointsman import AsyncClient, Client; print(Client.__module__)"


class Broken(Exception):
    """Raised when what was built does not work."""


def build(root: Path, version: str) -> Path:
    """Build the sdist, and from it the wheel, into dist/ of the checkout; returns the wheel."""
    folder = root / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "build", "--outdir", str(folder), str(root)], folder=root)
    wheels = list(folder.glob(f"pointsman-{version}-*.whl"))
    if len(wheels) != 1 or not (folder / f"pointsman-{version}.tar.gz").exists():
        raise Broken(f"dist/ has no sdist and one wheel of {version}: {sorted(p.name for p in folder.iterdir())}")
    return wheels[0]


def try_wheel(wheel: Path, version: str) -> None:
    """Install the wheel into an environment of its own and use it in an empty folder; raises Broken."""
    with tempfile.TemporaryDirectory(prefix="pointsman-release-") as name:
        folder = Path(name)
        _run([sys.executable, "-m", "venv", "environment"], folder=folder)
        programs = folder / "environment" / ("Scripts" if os.name == "nt" else "bin")
        empty = folder / "empty"
        empty.mkdir()
        python, pointsman = str(programs / "python"), str(programs / "pointsman")
        _run([python, "-m", "pip", "install", "--quiet", str(wheel)], folder=empty)
        _run([python, "-c", IMPORT], folder=empty)
        said = _run([pointsman, "--version"], folder=empty)
        if version not in said.split():
            raise Broken(f"pointsman --version says {said.strip()!r}, and the wheel is {version}")
        _run([pointsman, "--help"], folder=empty)
        _run([python, "-m", "pip", "install", "--quiet", f"{wheel}[server]"], folder=empty)
        _run([pointsman, "init"], folder=empty)
        _run([pointsman, "models", "--check"], folder=empty)


def _run(command: Sequence[str], *, folder: Path) -> str:
    """Run a command with nothing of the developer's own Python settings, and return what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "POINTSMAN_"))}
    run = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False)
    if run.returncode:
        raise Broken(f"{' '.join(command)} ended with status {run.returncode}:\n{run.stdout}{run.stderr}")
    return run.stdout
