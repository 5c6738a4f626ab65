""".env.example names every setting with the default it has, and every key that models.yaml asks for."""

from __future__ import annotations

import re
from pathlib import Path

from dotenv import dotenv_values

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import load_catalog
from tests.support.checkout import ROOT

EXAMPLE = ROOT / ".env.example"
LINE = re.compile(r"^(?P<off># )?(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)$", re.MULTILINE)

LINES = {found["name"]: found for found in LINE.finditer(EXAMPLE.read_text(encoding="utf-8"))}


def test_every_setting_stands_in_it_and_nothing_else_of_ours() -> None:
    ours = {name for name in LINES if name.startswith("POINTSMAN_")}
    assert ours == {f"POINTSMAN_{name.upper()}" for name in Settings.model_fields}


def test_every_line_stands_at_the_default_also_one_that_is_commented_out(tmp_path: Path) -> None:
    everything = tmp_path / ".env"
    everything.write_text("\n".join(f"{name}={found['value']}" for name, found in LINES.items()), encoding="utf-8")
    read = Settings(_env_file=everything)
    assert read.model_fields_set == set(Settings.model_fields)
    assert read == Settings(_env_file=None)


def test_a_copy_of_it_leaves_open_where_redis_is() -> None:
    """`pointsman up` brings its own Redis unless the URL is set."""
    read = Settings(_env_file=EXAMPLE)
    assert set(Settings.model_fields) - read.model_fields_set == {"redis_url"}
    assert [name for name, found in LINES.items() if found["off"]] == ["POINTSMAN_REDIS_URL"]


def test_the_api_keys_of_all_models_stand_in_it_and_are_empty() -> None:
    catalog = load_catalog(ROOT / "models.yaml")
    wanted = {model.api_key_env for model in catalog.models.values() if model.api_key_env}
    others = dotenv_values(EXAMPLE, interpolate=False)
    assert {name: value for name, value in others.items() if not name.startswith("POINTSMAN_")} == {
        name: "" for name in wanted | {"REDIS_PASSWORD"}
    }


def test_every_time_and_size_is_explained_with_its_unit() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    for name, found in LINES.items():
        unit = next((unit for unit in ("seconds", "bytes") if name.endswith(unit.upper())), "")
        explained = text[: found.start()].rsplit("=", 1)[-1]
        assert unit in explained.lower(), name
