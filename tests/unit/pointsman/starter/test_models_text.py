"""The models.yaml of a new folder: right for what is found, whatever that is called."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from pointsman.router.routing.catalog import Catalog, load_catalog
from pointsman.router.routing.models_schema import models_schema
from pointsman.starter.machine import VENDOR_KEYS, LocalServer, Machine
from pointsman.starter.models_text import TEMPLATE, models_text
from tests.support.checkout import ROOT

NOTHING = Machine({}, ())
KEYS = Machine({"claude": "ANTHROPIC_API_KEY", "gemini": "GOOGLE_API_KEY"}, ())
OLLAMA = Machine({}, (LocalServer("Ollama", 11434, {"llama3.1:8b": None}),))
ODD_NAMES = ["no", "1.5", "gpt-4", "/models/a b.gguf", "x/gpt-4", "…", "q" * 90, 'say "hi": # no']
ODD = Machine(
    {"gpt-4": "OPENAI_API_KEY"},
    tuple(LocalServer("vLLM", 8000 + at, {name: 4096}) for at, name in enumerate(ODD_NAMES)),
)
MANY = Machine({}, (LocalServer("Ollama", 11434, {f"m{at}": None for at in range(9)}),))


def _read(machine: Machine, folder: Path) -> tuple[str, Catalog]:
    text, names = models_text(machine)
    file = folder / "models.yaml"
    file.write_text(text, encoding="utf-8")
    catalog = load_catalog(file)
    assert list(catalog.models) == names
    return text, catalog


@pytest.mark.parametrize("machine", [NOTHING, KEYS, OLLAMA, ODD, MANY])
def test_it_is_right_and_keeps_to_its_schema(machine: Machine, tmp_path: Path) -> None:
    text, catalog = _read(machine, tmp_path)
    assert text.startswith("# yaml-language-server: $schema=models.schema.json\n")
    jsonschema.validate(yaml.safe_load(text), models_schema())
    used = {model for task_class in catalog.task_classes.values() for model in task_class.models}
    assert used == set(catalog.models)


def test_where_nothing_is_found_it_has_every_vendor_to_be_simulated(tmp_path: Path) -> None:
    assert _read(NOTHING, tmp_path)[1] == load_catalog(TEMPLATE)
    assert set(load_catalog(TEMPLATE).models) == set(VENDOR_KEYS)


def test_it_has_the_vendors_whose_keys_are_there_and_the_others_as_comments(tmp_path: Path) -> None:
    text, catalog = _read(KEYS, tmp_path)
    assert {name: model.api_key_env for name, model in catalog.models.items()} == KEYS.keys
    assert catalog.task_classes["technical_support"].models == ("claude", "gemini")
    assert "#   gpt-4:\n#     format: openai\n" in text


def test_local_models_are_called_where_they_are_and_cost_nothing(tmp_path: Path) -> None:
    _, catalog = _read(OLLAMA, tmp_path)
    (model,) = catalog.models.values()
    assert (model.name, model.upstream, model.base_url) == (
        "llama3.1-8b",
        "llama3.1:8b",
        "http://127.0.0.1:11434/v1",
    )
    assert (model.api_key_env, model.price and model.price.output_usd_per_mtok) == (None, 0)


def test_each_odd_name_becomes_a_model_of_its_own(tmp_path: Path) -> None:
    _, catalog = _read(ODD, tmp_path)
    assert [model.upstream for model in catalog.models.values()] == ["gpt-4.1", *ODD_NAMES]
    assert {model.context_window for model in list(catalog.models.values())[1:]} == {4096}


def test_of_many_models_some_are_rows_and_all_are_named(tmp_path: Path) -> None:
    text, catalog = _read(MANY, tmp_path)
    assert list(catalog.models) == ["m0", "m1", "m2", "m3"]
    assert "# Ollama also serves: m4, m5, m6, m7, m8" in text


def test_the_vendors_rows_say_what_the_models_yaml_of_the_repository_says() -> None:
    ours, shipped = load_catalog(TEMPLATE).models, load_catalog(ROOT / "models.yaml").models
    for name, model in ours.items():
        assert model.model_copy(update={"profile": shipped[name].profile}) == shipped[name]
