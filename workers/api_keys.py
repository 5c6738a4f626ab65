"""API keys: read once from the environment variables that the configuration names, never shown."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping

from dotenv import dotenv_values

from pointsman.router.vocabulary.errors import ConfigError
from pointsman.router.vocabulary.model import Model


def read_api_keys(models: Iterable[Model], environment: Mapping[str, str], *, hint: str = "") -> dict[str, str]:
    """Return the key of each model that wants one; raises ConfigError naming every variable that is not set."""
    keys: dict[str, str] = {}
    missing: list[str] = []
    for model in models:
        if model.api_key_env is None:
            continue
        key = environment.get(model.api_key_env, "").strip()
        if key:
            keys[model.name] = key
        else:
            missing.append(f"{model.api_key_env} (model {model.name})")
    if missing:
        raise ConfigError(f"the API key is missing: set {', '.join(missing)}" + (f"; or {hint}" if hint else ""))
    return keys


def environment() -> dict[str, str]:
    """Return the environment, and below it what a .env file in this folder says."""
    from_file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return {**from_file, **os.environ}


def key_print(key: str | None) -> str:
    """Return a short fingerprint that tells a changed key from the one that was refused."""
    return hashlib.sha256(key.encode()).hexdigest()[:12] if key else "none"
