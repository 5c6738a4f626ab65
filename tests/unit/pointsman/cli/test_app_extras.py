"""A command whose part is not installed says which extra brings it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.router.vocabulary.extras import PACKAGES
from tests.support.bare import run_without

EXAMPLES = """
models:
  one: {format: openai, base_url: "http://127.0.0.1:9/v1", upstream: one}
task_classes:
  code: {models: [one], examples: builtin}
  math: {models: [one], examples: builtin}
default_class: code
"""


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "up --simulate",
        "work --model one",
        "serve",
        "flower",
        "pause one",
        "result j --url redis://127.0.0.1:1",
    ],
)
def test_a_part_that_is_not_installed_is_told_with_its_extra(command: str, tmp_path: Path) -> None:
    run = run_without(PACKAGES["server"] + PACKAGES["classifier"], *command.split(), folder=tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    assert "pip install 'pointsman[server]'" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("command", ["up --simulate --embedded-redis", "dispatch"])
def test_examples_without_a_classifier_are_refused_at_the_start(command: str, tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(EXAMPLES)
    run = run_without(PACKAGES["classifier"], *command.split(), folder=tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("pointsman: the task class code, which has examples, needs the package")
    assert "pip install 'pointsman[classifier]'" in run.stderr
