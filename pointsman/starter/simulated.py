"""The models that are simulated in a folder without a models.yaml."""

from __future__ import annotations

from pointsman.router.config.settings import Settings

from .models_text import TEMPLATE


def with_simulated_models(settings: Settings) -> Settings:
    """Return settings with the models that come with Pointsman, where none are named and the folder has none."""
    if "models_file" in settings.model_fields_set or settings.models_file.exists():
        return settings
    return settings.model_copy(update={"models_file": TEMPLATE})
