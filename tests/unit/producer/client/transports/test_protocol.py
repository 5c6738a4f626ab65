"""The scheme of the URL chooses the way in."""

from __future__ import annotations

import pytest

from pointsman.producer.client.transports import open_transport
from pointsman.router.vocabulary.errors import ConfigError


def test_a_url_of_no_known_scheme_is_refused() -> None:
    with pytest.raises(ConfigError, match="redis://"):
        open_transport("ftp://example.com", api_key=None, models_file=None, key_prefix=None)
