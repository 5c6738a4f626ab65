"""A catalog whose models are simulated."""

from __future__ import annotations

from pathlib import Path

from pointsman.router.routing.catalog import load_catalog
from pointsman.simulated import simulate
from pointsman.simulated.catalog import write_catalog
from tests.support.checkout import ROOT

EXAMPLE = ROOT / "models.yaml"


def test_a_simulated_catalog_keeps_all_but_the_address_and_the_key() -> None:
    catalog = load_catalog(EXAMPLE)
    simulated = simulate(catalog, "http://127.0.0.1:8400")
    places = {name: model.base_url for name, model in simulated.models.items()}
    base = "http://127.0.0.1:8400"
    assert places == {"gpt-4": f"{base}/v1", "claude": base, "gemini": base, "local": f"{base}/v1"}
    for name, model in simulated.models.items():
        kept = catalog.models[name].model_copy(update={"base_url": model.base_url, "api_key_env": None})
        assert model == kept


def test_a_written_catalog_reads_back_the_same(tmp_path: Path) -> None:
    catalog = simulate(load_catalog(EXAMPLE), "http://127.0.0.1:8400")
    write_catalog(catalog, tmp_path / "models.yaml")
    assert load_catalog(tmp_path / "models.yaml") == catalog
