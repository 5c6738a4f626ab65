"""Checks the parts that have an HTTP endpoint. Health checks start often, so the standard library asks."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from pointsman.router.config.settings import load_settings
from pointsman.router.runtime.addresses import url_of

ANSWER_SECONDS = 2.0


def endpoint_is_healthy(part: str) -> bool:
    """Whether the API or Flower on this host works."""
    settings = load_settings()
    if part == "api":
        return url_answers(f"{url_of(settings.api_host, settings.api_port)}/readyz")
    return url_answers(f"{url_of(settings.flower_host, settings.flower_port)}/healthcheck")


def url_answers(url: str) -> bool:
    """Whether an http:// URL is answered with success, or by the question who we are."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", parts.path or "/")
        status = connection.getresponse().status
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return 200 <= status < 300 or status == 401
