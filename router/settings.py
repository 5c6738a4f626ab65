"""Settings from the environment (`POINTSMAN_*`) or a .env file: read once, frozen, passed in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .errors import ConfigError
from .redis_url import check_redis_url

SECRET = frozenset({"redis_url", "api_keys", "flower_basic_auth"})
"""Settings that may hold a password: what was given is not shown again."""


class Settings(BaseSettings):
    """All settings of all parts; every one has a default that is right for one machine."""

    model_config = SettingsConfigDict(
        env_prefix="POINTSMAN_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    redis_url: str = "redis://127.0.0.1:6379/0"
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
    flower_basic_auth: str = Field(default="", pattern=r"^$|^[^:]+:.+$")

    @field_validator("redis_url")
    @classmethod
    def _says_where_redis_is(cls, value: str) -> str:
        check_redis_url(value)
        return value

    @field_validator("api_keys", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value


def load_settings(**overrides: object) -> Settings:
    """Return the settings, `overrides` first (None means not given); raises ConfigError naming the variable."""
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type] # pydantic checks every value
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = str(first["loc"][0] if first["loc"] else "")
        given_is = "" if field in SECRET else f" (given: {first['input']!r})"
        raise ConfigError(f"{first['msg']}{given_is}", field=f"POINTSMAN_{field.upper()}") from error
