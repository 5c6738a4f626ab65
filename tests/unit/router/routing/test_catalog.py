"""models.yaml: the example works, and each mistake is told with its file, line and field."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from pointsman.router.routing.catalog import Catalog, TaskClass, load_catalog
from pointsman.router.vocabulary.errors import ConfigError
from pointsman.router.vocabulary.model import Limits, Model, Price
from tests.support.checkout import ROOT

EXAMPLE = ROOT / "models.yaml"

GOOD = """\
models:
  gpt-4.1:
    format: openai
    base_url: https://api.openai.com/v1
    upstream: gpt-4.1
  claude:
    format: anthropic
    base_url: https://api.anthropic.com
    upstream: claude-sonnet-4-5
task_classes:
  code.review:
    models:
      - claude
      - gpt-4.1
default_class: code.review
"""


def mistake(folder: Path, text: str) -> ConfigError:
    """Return the error of loading `text`, checked to name the file."""
    path = folder / "models.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_catalog(path)
    assert caught.value.file == str(path)
    return caught.value


def test_the_example_has_a_model_of_each_vendor_and_a_local_one() -> None:
    catalog = load_catalog(EXAMPLE)
    keys = {name: (model.format, model.api_key_env) for name, model in catalog.models.items()}
    assert keys == {
        "gpt-4": ("openai", "OPENAI_API_KEY"),
        "claude": ("anthropic", "ANTHROPIC_API_KEY"),
        "gemini": ("gemini", "GEMINI_API_KEY"),
        "local": ("openai", None),
    }


def test_the_example_has_the_five_task_classes() -> None:
    catalog = load_catalog(EXAMPLE)
    assert catalog.default_class == "general_information"
    assert set(catalog.task_classes) == {
        "technical_support",
        "creative_writing",
        "general_information",
        "summarization",
        "code",
    }


@pytest.mark.parametrize("kind", [Model, Limits, Price, TaskClass, Catalog])
def test_the_example_shows_every_field(kind: type[Model]) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    hidden = [name for name in kind.model_fields if name != "name" and name not in text]
    assert not hidden


def test_the_version_changes_with_the_content_only() -> None:
    one, again = load_catalog(EXAMPLE), load_catalog(EXAMPLE)
    other = one.model_copy(update={"default_class": "code"})
    assert one.version == again.version != other.version


def test_a_catalog_survives_being_written_as_data() -> None:
    catalog = load_catalog(EXAMPLE)
    assert Catalog.model_validate(catalog.model_dump(mode="json")) == catalog


def test_a_date_needs_no_quotes(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(GOOD.replace("format: anthropic", "format: anthropic\n    anthropic_version: 2026-10-21"))
    assert load_catalog(path).models["claude"].anthropic_version == "2026-10-21"


def test_a_missing_file_says_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: the file does not exist; `pointsman init` writes one"):
        load_catalog(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "message"),
    [
        ("upstream: gpt-4.1", "upstream: [gpt", 6, "", "not valid YAML"),
        ("upstream: gpt-4.1", "upstream: a\x07b", 5, "", "not valid YAML"),
        ("models:\n  gpt", "{}: 1\nmodels:\n  gpt", 1, "", "a key must be plain text"),
        ("upstream: gpt-4.1", "upstream: a\n    upstream: b", 6, "", "'upstream' stands here twice"),
        ("  claude:\n", "  gpt-4.1:\n", 6, "", "'gpt-4.1' stands here twice"),
        (
            "upstream: gpt",
            "upstrem: gpt",
            2,
            "models.gpt-4.1.upstream",
            "models.gpt-4.1.upstrem: there is no such field; did you mean upstream?",
        ),
        ("    upstream: gpt-4.1", "    upstream: x\n    worker: 3", 6, "models.gpt-4.1.worker", "no such field"),
        (
            "    upstream: gpt-4.1",
            "    upstream: x\n    worker_concurrency: many",
            6,
            "models.gpt-4.1.worker_concurrency",
            "valid integer",
        ),
        ("upstream: gpt-4.1", "upstream: x\n    limits: {rpm: 5}", 6, "models.gpt-4.1.limits.rpm", "no such field"),
        (
            "https://api.openai.com/v1",
            "api.openai.com/v1",
            4,
            "models.gpt-4.1.base_url",
            "expected a URL that begins with http:// or https://",
        ),
        ("format: anthropic", "format: claude", 7, "models.claude.format", "'openai', 'anthropic' or 'gemini'"),
        ("      - gpt-4.1", "      - gpt-5", 14, "task_classes.code.review.models.1", "no model is called 'gpt-5'"),
        ("default_class: code.review", "default_class: x", 15, "default_class", "no task class is called 'x'"),
        ("upstream: gpt-4.1", "upstream: x\n    name: y", 6, "models.gpt-4.1.name", "the name is the key"),
        ("  claude:", "  my claude:", 6, "models.my claude", "at most 64 letters, digits and _ . -"),
    ],
)
def test_a_mistake_is_reported_with_line_and_field(
    tmp_path: Path, old: str, new: str, line: int, field: str, message: str
) -> None:
    assert old in GOOD
    error = mistake(tmp_path, GOOD.replace(old, new, 1))
    assert (error.line, error.field) == (line, field)
    assert message in str(error)


@pytest.mark.parametrize("text", ["", "- models\n", "just text\n"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    error = mistake(tmp_path, text)
    assert error.line == 1
    assert "expected a mapping" in str(error)


def test_a_key_in_the_file_is_refused_without_being_shown(tmp_path: Path) -> None:
    error = mistake(tmp_path, GOOD.replace("upstream: gpt-4.1", "upstream: x\n    api_key: sk-secret", 1))
    assert (error.line, error.field) == (6, "models.gpt-4.1.api_key")
    assert "api_key_env: OPENAI_API_KEY" in str(error)
    assert "sk-secret" not in "".join(traceback.format_exception(error))


def test_a_key_in_place_of_its_variable_is_refused_without_being_shown(tmp_path: Path) -> None:
    error = mistake(tmp_path, GOOD.replace("upstream: gpt-4.1", "upstream: x\n    api_key_env: sk-secret", 1))
    assert (error.line, error.field) == (6, "models.gpt-4.1.api_key_env")
    assert "sk-secret" not in "".join(traceback.format_exception(error))


def test_all_mistakes_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    text = GOOD.replace("base_url: https://api.openai.com", "base_url: api.openai.com")
    text = text.replace("upstream: claude-sonnet-4-5", "upstream: ''").replace("- gpt-4.1", "- gpt-5")
    error = mistake(
        tmp_path, text.replace("default_class: code.review", "default_clas: code.review\ndefault_class: x")
    )
    path = tmp_path / "models.yaml"
    assert str(error).splitlines() == [
        "5 mistakes in the configuration:",
        f"  {path}, line 4: models.gpt-4.1.base_url: expected a URL that begins with http:// or https://",
        f"  {path}, line 9: models.claude.upstream: String should have at least 1 character",
        f"  {path}, line 14: task_classes.code.review.models.1: no model is called 'gpt-5' "
        "(there are: claude, gpt-4.1)",
        f"  {path}, line 15: default_clas: there is no such field; did you mean default_class?",
        f"  {path}, line 16: default_class: no task class is called 'x' (there are: code.review)",
    ]
    assert [other.line for other in error.others] == [9, 14, 15, 16]


def test_mistakes_between_the_parts_are_told_together(tmp_path: Path) -> None:
    text = GOOD.replace("- gpt-4.1", "- gpt-5").replace(
        "  code.review:\n", "  code.review:\n    strategy: best\n", 1
    )
    error = mistake(tmp_path, text)
    assert [other.line for other in (error, *error.others)] == [12, 15]


def test_a_file_with_mistakes_without_end_shows_some_and_counts_the_rest(tmp_path: Path) -> None:
    lines = str(mistake(tmp_path, GOOD + "".join(f"field_{number}: 1\n" for number in range(100)))).splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("100 mistakes in the configuration:", "  and 70 more", 32)
