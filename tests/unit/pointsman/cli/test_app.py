"""The command line as a whole: the version that is installed, which pyproject.toml alone sets, and completion."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

from typer.testing import CliRunner

from pointsman.cli.app import app
from tests.support.checkout import ROOT


def test_it_prints_the_installed_version_and_does_nothing_else() -> None:
    run = CliRunner().invoke(app, ["--version", "models", "--check", "--models", "/nowhere"])
    assert (run.exit_code, run.stdout) == (0, f"pointsman {version('pointsman')}\n")


def test_no_file_but_pyproject_says_the_version() -> None:
    own = sorted((ROOT / "pointsman").rglob("*.py"))
    assert [path.name for path in own if "__version__ =" in path.read_text(encoding="utf-8")] == []


def test_a_shell_completes_the_commands() -> None:
    typed = {"_POINTSMAN_COMPLETE": "complete_bash", "COMP_WORDS": "pointsman in", "COMP_CWORD": "1"}
    run = CliRunner().invoke(app, [], env=typed, prog_name="pointsman")
    assert run.stdout.split() == ["init"], run.output


def test_every_command_reports_a_misspelt_variable() -> None:
    environment = os.environ | {"POINTSMAN_LEASE": "x"}
    command = [sys.executable, "-m", "pointsman", "result", "a-job-id", "--url", "nowhere"]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert "POINTSMAN_LEASE: there is no such setting" in run.stderr
