"""Splits `data:` URLs, which carry an image inside the request."""

from __future__ import annotations

from typing import NamedTuple


class DataUrl(NamedTuple):
    """What a `data:` URL holds: a media type and base64 text."""

    media_type: str
    data: str


def split_data_url(url: str) -> DataUrl | None:
    """Return the parts of a base64 `data:` URL, None for a URL of any other kind."""
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return None
    return DataUrl(head.removeprefix("data:").removesuffix(";base64"), data)
