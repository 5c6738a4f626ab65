"""Mistakes in keywords, rules and examples are refused at start, with file, line and field."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pointsman.router.routing.catalog import Catalog, load_catalog
from pointsman.router.vocabulary.errors import ConfigError

HEAD = """\
models:
  m: {format: openai, base_url: "http://127.0.0.1:1/v1", upstream: x}
default_class: code
task_classes:
  math: {models: [m], examples: builtin}
  code:
    models: [m]
"""


def load(folder: Path, fields: str) -> Catalog:
    """Return the catalog whose class `code` has these fields, from line 8 on."""
    path = folder / "models.yaml"
    path.write_text(HEAD + fields, encoding="utf-8")
    return load_catalog(path)


def rows(path: Path, *found: object) -> None:
    """Write JSON Lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")


@pytest.mark.parametrize(
    ("fields", "line", "field", "message"),
    [
        ("    rules: [fine]\n    keywords: ['']\n", 9, "keywords.0", "expected some text"),
        ("    rules:\n      - fine\n      - '(open'\n", 10, "rules.1", "not a regular expression: missing )"),
        ("    examples: []\n", 8, "examples", "at least 1 item"),
        ("    examples: all\n", 8, "examples", "expected a list of prompts, or 'builtin'"),
        (
            "    examples: builtin:cooking\n",
            8,
            "examples",
            "no examples ship for a class 'cooking' (there are: code,",
        ),
        ("    examples: [one, two]\n", 8, "examples", "2 examples are too few: give 5 at least"),
        ("    examples: [one, ' ']\n", 8, "examples.1", "expected some text"),
        ("    examples_file: nowhere.jsonl\n", 8, "examples_file", "nowhere.jsonl: cannot be read: No such file"),
        ("classifier: {threshold: 2}\n", 8, "classifier.threshold", "less than or equal to 1"),
    ],
)
def test_a_mistake_is_reported_with_line_and_field(
    tmp_path: Path, fields: str, line: int, field: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, fields)
    full = field if field.startswith("classifier") else f"task_classes.code.{field}"
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "models.yaml"), line)
    assert caught.value.field == full
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no example for the class 'code'"),
        ('{"prompt": "x", "task_class": "math"}\n', "no example for the class 'code'"),
        ('\n{"prompt": \n', "examples.jsonl, line 2: not JSON"),
        ('{"text": "x"}\n', 'line 1: expected an object with a text "prompt"'),
        ('["x"]\n', 'line 1: expected an object with a text "prompt"'),
        ('{"prompt": "x", "task_class": 3}\n', 'line 1: "task_class" must be a text'),
    ],
)
def test_a_mistake_in_an_examples_file_is_reported_with_its_line(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "examples.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "    examples_file: examples.jsonl\n")
    assert (caught.value.line, caught.value.field) == (8, "task_classes.code.examples_file")
    assert message in str(caught.value)


def test_a_file_may_hold_the_examples_of_several_classes(tmp_path: Path) -> None:
    own = [{"prompt": f"code {at}"} for at in range(5)]
    rows(tmp_path / "all.jsonl", *own, {"prompt": "c", "task_class": "code"}, {"prompt": "m", "task_class": "math"})
    catalog = load(tmp_path, "    examples_file: all.jsonl\n")
    assert catalog.task_classes["code"].prompts() == (*(f"code {at}" for at in range(5)), "c")


def test_a_catalog_is_complete_without_its_examples_file(tmp_path: Path) -> None:
    rows(tmp_path / "all.jsonl", *({"prompt": f"code {at}"} for at in range(5)))
    catalog = load(tmp_path, "    examples_file: all.jsonl\n")
    (tmp_path / "all.jsonl").unlink()
    assert Catalog.model_validate(catalog.model_dump(mode="json")) == catalog


def test_the_version_changes_with_the_examples_in_the_file(tmp_path: Path) -> None:
    versions = set()
    for word in ("one", "two"):
        rows(tmp_path / "all.jsonl", *({"prompt": f"{word} {at}"} for at in range(5)))
        versions.add(load(tmp_path, "    examples_file: all.jsonl\n").version)
    assert len(versions) == 2


def test_ready_examples_can_be_extended_and_borrowed(tmp_path: Path) -> None:
    prompts = (
        load(tmp_path, "    examples: ['builtin:extraction', 'builtin', 'my own']\n").task_classes["code"].prompts()
    )
    assert len(prompts) > 80
    assert prompts[-1] == "my own"


def test_examples_of_one_class_alone_teach_nothing(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(HEAD)
    with pytest.raises(ConfigError, match=r"line 5: task_classes\.math\.examples: only this class has examples"):
        load_catalog(path)
