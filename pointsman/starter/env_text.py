"""The text of a .env: where keys go, and the settings that are changed first. It never holds a key itself."""

from __future__ import annotations

from collections.abc import Mapping

from .machine import VENDOR_KEYS, Machine

TEXT = """\
# Settings of Pointsman in this folder. Every part reads them; a variable of the environment goes before its line.
# Keys belong here or in the environment, never in models.yaml: keep this file out of version control.

# API keys, under the names that api_key_env in models.yaml gives them. Take away the # of those that you have.
{keys}

# Where Redis is. As long as this is commented out, `pointsman up` brings a Redis of its own.
# POINTSMAN_REDIS_URL=redis://127.0.0.1:6379/0

# Address and port of the HTTP API, and the keys it asks its callers for: on any address but loopback it wants some.
# POINTSMAN_API_HOST=127.0.0.1
# POINTSMAN_API_PORT=8300
# POINTSMAN_API_KEYS=
"""


def env_text(machine: Machine, environment: Mapping[str, str]) -> str:
    """Return the text; a key that the environment has already is named, and not written down."""
    return TEXT.format(
        keys="\n".join(_line(machine.keys.get(row, names[0]), environment) for row, names in VENDOR_KEYS.items())
    )


def _line(variable: str, environment: Mapping[str, str]) -> str:
    known = environment.get(variable, "").strip()
    return f"# {variable} is set in the environment" if known else f"# {variable}="
