"""Keys of the API, and the tenants that they belong to."""

from __future__ import annotations

import pytest

from pointsman.producer.api.middleware.access import Key, read_keys


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ("secret", Key(b"secret", None)),
        ("acme:secret", Key(b"secret", "acme")),
        ("acme:se:cret", Key(b"se:cret", "acme")),
        ("not a tenant:secret", Key(b"not a tenant:secret", None)),
        (":secret", Key(b":secret", None)),
        ("acme:", Key(b"acme:", None)),
    ],
)
def test_a_key_may_be_bound_to_a_tenant(entry: str, key: Key) -> None:
    assert read_keys([entry]) == (key,)
