"""`pointsman models --check`: a configuration is read, without Redis."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pointsman.cli.app import app
from pointsman.router.vocabulary.errors import ConfigError
from tests.support.checkout import ROOT

EXAMPLE = ROOT / "models.yaml"


def check(file: Path) -> str:
    """Return what the command prints."""
    arguments = ["models", "--check", "--models", str(file)]
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


def test_it_counts_what_the_file_has() -> None:
    assert check(EXAMPLE) == f"{EXAMPLE}: 4 models, 5 classes\n"


def test_it_checks_the_file_that_it_is_given(tmp_path: Path) -> None:
    wrong = tmp_path / "mine.yaml"
    wrong.write_text("models: {}\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        check(wrong)
