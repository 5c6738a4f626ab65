"""Points a configuration's models at the simulated server."""

from __future__ import annotations

from pathlib import Path

import yaml

from pointsman.router.routing.catalog import Catalog


def simulate(catalog: Catalog, base_url: str) -> Catalog:
    """Return the same catalog with every model at the simulated server, which wants no key."""
    models = {
        name: model.model_copy(
            update={"base_url": f"{base_url}/v1" if model.format == "openai" else base_url, "api_key_env": None}
        )
        for name, model in catalog.models.items()
    }
    return catalog.model_copy(update={"models": models})


def write_catalog(catalog: Catalog, path: Path) -> None:
    """Write a catalog as a models.yaml that other processes can read."""
    data = catalog.model_dump(mode="json", exclude_none=True)
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
