"""Commands that run parts, where they cannot."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from pointsman.cli.app import app
from pointsman.router.vocabulary.errors import ConfigError
from tests.support.checkout import ROOT


def test_up_in_a_folder_that_takes_no_file_says_which_option_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/proc")
    run = CliRunner().invoke(app, ["up", "--models", str(ROOT / "models.yaml"), "--simulate"])
    assert isinstance(run.exception, ConfigError)
    assert str(run.exception).startswith("--data: /proc/.pointsman/simulated/logs cannot be made")
