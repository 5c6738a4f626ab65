"""Settings from the environment (`POINTSMAN_*`) or a .env file: read once, frozen, passed in."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, NoDecode, SettingsConfigDict

from ..vocabulary.errors import ConfigError, all_of
from ..vocabulary.mistakes import did_you_mean, in_words
from ..vocabulary.webhook import OwnWebhook, read_secret
from .redis_url import check_redis_url

log = logging.getLogger("pointsman.config")

SECRET = frozenset({"redis_url", "api_keys", "flower_basic_auth", "webhook_secrets", "webhooks"})
"""Settings that may hold a password: what was given is not shown again."""


Seconds = Annotated[float, Field(ge=0, le=7 * 86_400)]


class Settings(BaseSettings):
    """All settings of all parts; every one has a default that is right for one machine."""

    model_config = SettingsConfigDict(
        env_prefix="POINTSMAN_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True,
        hide_input_in_errors=True,
    )  # fmt: skip

    redis_url: str = "redis://127.0.0.1:6379/0"
    redis_wait_replicas: int = Field(default=0, ge=0, le=10)
    redis_may_evict: bool = False
    key_prefix: str = Field(default="", pattern=r"^$|^[A-Za-z0-9_.:-]*[:_.-]$")
    models_file: Path = Path("models.yaml")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    lease_seconds: float = Field(default=15.0, ge=1, le=600)
    release_seconds: float = Field(default=10.0, ge=0.5, le=600)
    presence_seconds: float = Field(default=6.0, ge=1.5, le=60)
    grace_seconds: float = Field(default=0.0, ge=0, le=3600)
    upkeep_seconds: float = Field(default=1.0, ge=0.05, le=60.0)
    bind_window_ratio: float = Field(default=0.125, ge=0, le=1)
    bind_batch: int = Field(default=200, ge=1, le=2000)

    expires_in_seconds: float = Field(default=86_400.0, gt=0)
    result_ttl_seconds: float = Field(default=86_400.0, ge=1)
    dead_ttl_seconds: float = Field(default=604_800.0, ge=1)
    max_attempts: int = Field(default=4, ge=1, le=50)
    max_losses: int = Field(default=5, ge=1, le=50)
    max_rate_limits: int = Field(default=20, ge=1, le=1000)
    backoff_base_seconds: float = Field(default=1.0, gt=0)
    backoff_max_seconds: float = Field(default=60.0, gt=0)

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8300, ge=0, le=65_535)
    wait_seconds: float = Field(default=600.0, gt=0, le=3600)
    api_keys: Annotated[tuple[str, ...], NoDecode] = ()
    body_limit_bytes: int = Field(default=10_000_000, ge=1024)
    files_folder: Path = Path(".pointsman/files")
    file_limit_bytes: int = Field(default=536_870_912, ge=1024)
    batch_file_limit_bytes: int = Field(default=209_715_200, ge=1024)
    flower_host: str = "127.0.0.1"
    flower_port: int = Field(default=5555, ge=0, le=65_535)
    flower_max_tasks: int = Field(default=10_000, ge=1, le=1_000_000)
    flower_basic_auth: str = Field(default="", pattern=r"^$|^[^:]+:.+$")

    webhook_secrets: Annotated[tuple[str, ...], NoDecode] = Field(default=(), repr=False)
    webhooks: Annotated[dict[str, OwnWebhook], NoDecode] = Field(default_factory=dict)
    webhook_allow: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    webhook_timeout_seconds: float = Field(default=15.0, ge=1, le=60)
    webhook_waits_seconds: Annotated[tuple[Seconds, ...], NoDecode] = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)
    webhook_ttl_seconds: float = Field(default=86_400.0, ge=1)
    webhook_concurrency: int = Field(default=64, ge=1, le=1000)
    webhook_concurrency_per_host: int = Field(default=8, ge=1, le=1000)

    @field_validator("redis_url")
    @classmethod
    def _is_a_redis_url(cls, value: str) -> str:
        check_redis_url(value)
        return value

    @field_validator("api_keys", "webhook_secrets", "webhook_allow", "webhook_waits_seconds", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("webhooks", mode="before")
    @classmethod
    def _json(cls, value: object) -> object:
        return json.loads(value or "{}") if isinstance(value, str) else value

    @field_validator("webhook_secrets")
    @classmethod
    def _are_secrets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for secret in value:
            read_secret(secret)
        return value

    @field_validator("webhooks")
    @classmethod
    def _can_be_signed(cls, value: dict[str, OwnWebhook], info: ValidationInfo) -> dict[str, OwnWebhook]:
        for tenant, own in value.items():
            if own.url and not (own.secrets or info.data.get("webhook_secrets")):
                raise ValueError(f"give {tenant} secrets, or all tenants those of POINTSMAN_WEBHOOK_SECRETS")
        return value

    def signing_secrets(self, tenant: str) -> tuple[str, ...]:
        """Return what a tenant's webhooks are signed with: its own secrets, else those of all; none: not at all."""
        own = self.webhooks.get(tenant)
        return own.secrets if own is not None and own.secrets else self.webhook_secrets

    def as_environment(self) -> dict[str, str]:
        """Return the variables that give another process these settings."""
        values = self.model_dump(mode="json")
        return {f"POINTSMAN_{name.upper()}": _written(value) for name, value in values.items()}


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)


def load_settings(**overrides: object) -> Settings:
    """Return the settings, `overrides` first (None means not given); raises ConfigError naming the variable."""
    given = {name: value for name, value in overrides.items() if value is not None}
    warn_of_unknown_variables()
    try:
        return Settings(**given)  # type: ignore[arg-type] # pydantic checks every value
    except ValidationError as error:
        raise all_of([_mistake(one) for one in error.errors(include_url=False)]) from None


ELSEWHERE = frozenset({"POINTSMAN_URL", "POINTSMAN_API_KEY"})
"""Variables of the command line."""
OF_TESTS = ("POINTSMAN_CHAOS_", "POINTSMAN_FUZZ_")


def unknown_variables(names: Iterable[str]) -> list[str]:
    """Return a line for each name that looks like a setting and is none."""
    known = {f"POINTSMAN_{name.upper()}" for name in Settings.model_fields} | ELSEWHERE
    ours = (upper for name in names if (upper := name.upper()).startswith("POINTSMAN_"))
    wrong = (name for name in ours if name not in known and not name.startswith(OF_TESTS))
    return [f"{name}: there is no such setting{did_you_mean(name, known)}" for name in wrong]


def warn_of_unknown_variables() -> None:
    """Log, once in a process, each variable of the environment or line of .env that sets nothing."""
    for words in unknown_variables(EnvSettingsSource(Settings).env_vars):
        _warn_once(words)
    for words in unknown_variables(DotEnvSettingsSource(Settings, env_file=".env").env_vars):
        _warn_once(f".env: {words}")


@cache
def _warn_once(words: str) -> None:
    log.warning("%s", words)


def _mistake(mistake: Mapping[str, Any]) -> ConfigError:
    location = mistake["loc"]
    field = str(location[0] if location else "")
    inside = "".join(f"{part}: " for part in location[1:] if isinstance(part, str))
    given = "" if field in SECRET else f" (given: {mistake['input']!r})"
    return ConfigError(f"{inside}{in_words(mistake)}{given}", field=f"POINTSMAN_{field.upper()}")
