"""Builds the headers of a call: the API key's, and those of the configuration, which win."""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.model import Model

from ..errors import CallFailed


def headers_for(model: Model, own: Mapping[str, str]) -> dict[str, str]:
    """Return all headers by lower case name.

    Raises CallFailed (`auth`) where a value cannot stand in a header: a key with a line break, say, would
    otherwise fail deep inside the HTTP library, once per job.
    """
    headers = {**own, **{name.lower(): value for name, value in model.headers.items()}}
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise CallFailed(ErrorKind.AUTH, f"the value of {name} has characters that no HTTP header can carry")
    return headers
