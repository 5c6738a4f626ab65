"""Signs what is sent, as https://www.standardwebhooks.com wants it: `v1`, HMAC-SHA256 with a shared secret."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Sequence

from pointsman.router.vocabulary.webhook import read_secret


def signed_headers(delivery_id: str, body: bytes, secrets: Sequence[str], *, now: int) -> dict[str, str]:
    """Return the three headers; each secret signs, so that a receiver may know any of them. `now` is in seconds."""
    content = f"{delivery_id}.{now}.".encode() + body
    signatures = (hmac.digest(read_secret(secret), content, "sha256") for secret in secrets)
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{b64encode(signature).decode()}" for signature in signatures),
    }
