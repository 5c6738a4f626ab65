"""Which parameters of Anthropic's API are supported, ignored or refused; docs/http-api.md shows this table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..openai import Parameters, Refused

VERSIONS = ("2023-06-01", "2026-10-21")
NO_SAMPLING_SINCE = "2026-10-21"
SAMPLING = ("temperature", "top_p", "top_k")
"""Parameters that are gone from that version on, whatever their value."""

MESSAGES = Parameters(
    supported=frozenset(
        {
            "model",
            "max_tokens",
            "messages",
            "system",
            "stop_sequences",
            "temperature",
            "top_p",
            "top_k",
            "thinking",
            "tools",
            "tool_choice",
            "output_config",
            "metadata",
            "pointsman",
            "stream",
        }
    ),
    ignored={
        "cache_control": "prompt caching is the vendor's own affair here",
        "service_tier": "the order is that of pointsman.priority",
        "user_profile_id": "labels of end users are not passed on",
    },
    refused={
        "container": "no code is run here",
        "diagnostics": "prompt caching is the vendor's own affair here",
        "inference_geo": "where a call is done is a matter of the model; name one",
        "mcp_servers": "no tool is called here; tool calls are handed to you",
        "context_management": "the context is left as it is",
        "speed": "it is not passed on to models",
        "workspace_id": "the workspace is that of the key which the model is called with",
    },
    harmless={"speed": ("standard",)},
)


def check_version(version: str | None, body: Mapping[str, Any]) -> None:
    """Raise Refused where there is no such version of the API, or where it does not know a parameter any more."""
    if version not in VERSIONS:
        given = "header is required" if version is None else f"{version[:50]!r} is not a known version"
        raise Refused(f"anthropic-version: {given} (there are: {', '.join(VERSIONS)})")
    gone = [name for name in SAMPLING if name in body and version >= NO_SAMPLING_SINCE]
    if gone:
        raise Refused(f"{gone[0]}: Extra inputs are not permitted", param=gone[0], code="unsupported_parameter")
