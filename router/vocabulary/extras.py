"""Which extra of Pointsman brings a package that is not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from .errors import ConfigError

PACKAGES: dict[str, tuple[str, ...]] = {
    "server": (
        "celery",
        "dotenv",
        "fastapi",
        "fastapi_offline",
        "flower",
        "kombu",
        "pydantic_settings",
        "python_multipart",
        "redis",
        "starlette",
        "uvicorn",
        "yaml",
    ),
    "classifier": ("numpy", "scipy", "sklearn"),
}
"""The packages that our own code imports, by the extra that brings them."""


def require(extra: str, *, what: str) -> None:
    """Raise ConfigError with the command that installs an extra, where a package of it is missing; imports none."""
    for package in PACKAGES[extra]:
        if not _is_installed(package):
            raise _missing(what, package, extra)


@contextmanager
def naming_extras(what: str) -> Iterator[None]:
    """Raise ConfigError with the command that installs the extra, where an import of `what` fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        extra = next((extra for extra, packages in PACKAGES.items() if package in packages), None)
        if extra is None or _is_installed(package):
            raise
        raise _missing(what, package, extra) from error


def name_with(*extras: str) -> str:
    """Return what pip calls Pointsman with some of its extras."""
    return f"pointsman[{','.join(extras)}]"


def _is_installed(package: str) -> bool:
    # some put another object into the place of their module, and find_spec does not like that
    return package in sys.modules or find_spec(package) is not None


def _missing(what: str, package: str, extra: str) -> ConfigError:
    command = f"pip install '{name_with(extra)}' (in a checkout: make setup)"
    return ConfigError(f"{what} needs the package {package}, which is not installed: {command}")
