"""`pointsman classify`: one prompt or a labelled file, on the example configuration, without Redis."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pointsman.cli.app import app
from pointsman.router.vocabulary.errors import ConfigError
from tests.support.checkout import ROOT

EXAMPLE = str(ROOT / "models.yaml")


def run(*arguments: str, stdin: str = "") -> str:
    """Return what the command prints."""
    result = CliRunner().invoke(
        app, ["classify", *arguments, "--models", EXAMPLE], input=stdin, catch_exceptions=False
    )
    assert result.exit_code == 0
    return result.stdout


def test_it_prints_class_step_confidence_and_runner_up() -> None:
    lines = run("My printer prints blank pages").splitlines()
    assert lines[0] == "class       technical_support"
    assert lines[1].startswith("step        examples (")
    assert [line.split()[0] for line in lines[2:]] == ["confidence", "runner-up"]


def test_it_names_the_rule_that_decided() -> None:
    assert run("-", stdin="Refactor this\n") == "class       code\nstep        keyword 'refactor'\n"


def test_it_prints_json_for_programs() -> None:
    found = json.loads(run("Who was the first king of Norway?", "--json"))
    assert found["task_class"] == found["likeliest"] == "general_information"
    assert set(found) == {"task_class", "step", "confidence", "likeliest", "runner_up"}


def test_it_checks_a_labelled_file(tmp_path: Path) -> None:
    path = tmp_path / "labelled.jsonl"
    pairs = [("Write a haiku", "creative_writing"), ("Fix this SQL", "code"), ("Write a poem", "code")]
    path.write_text("".join(json.dumps({"prompt": text, "task_class": name}) + "\n" for text, name in pairs))
    shown = run("--eval", str(path))
    assert "prompts   3\naccuracy  0.667\nmacro-F1  0.667\n" in shown
    assert "creative_writing" in shown
    figures = json.loads(run("--eval", str(path), "--json"))
    assert figures["confusion"] == {
        "code": {"code": 1, "creative_writing": 1},
        "creative_writing": {"creative_writing": 1},
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"prompt": "x"}\n', 'every line needs a "task_class"'),
        ("", 'every line needs a "task_class"'),
        ("nonsense\n", "line 1: not JSON"),
    ],
)
def test_a_file_without_labels_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "labelled.jsonl"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        run("--eval", str(path))


@pytest.mark.parametrize("arguments", [[], ["text", "--eval", "file"]])
def test_a_prompt_and_a_file_exclude_each_other(arguments: list[str]) -> None:
    with pytest.raises(ConfigError, match="either a prompt or --eval"):
        run(*arguments)
