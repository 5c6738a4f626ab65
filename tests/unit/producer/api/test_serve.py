"""An API that others can reach wants keys."""

from __future__ import annotations

import pytest

from pointsman.producer.api.serve import check_exposure
from pointsman.router.config.settings import Settings
from pointsman.router.vocabulary.errors import ConfigError


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "api.example.com"])
def test_an_open_address_without_keys_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match=r"POINTSMAN_API_KEYS.*set a comma-separated list"):
        check_exposure(Settings(api_host=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.5", "::1", "localhost"])
def test_loopback_needs_no_keys(host: str) -> None:
    check_exposure(Settings(api_host=host))


def test_an_open_address_with_keys_is_fine() -> None:
    check_exposure(Settings(api_host="0.0.0.0", api_keys=("secret",)))
