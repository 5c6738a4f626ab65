"""Addresses of either version of IP."""

from __future__ import annotations

import socket

import pytest

from pointsman.router.runtime.addresses import find_address, url_of


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:80"), ("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80"),
     ("::1", "http://[::1]:80"), ("[fd00::5]", "http://[fd00::5]:80"), ("api.internal", "http://api.internal:80")],
)  # fmt: skip
def test_a_part_is_reached_from_its_own_host(host: str, url: str) -> None:
    assert url_of(host, 80) == url


@pytest.mark.parametrize(
    ("host", "family"),
    [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6), ("[::1]", socket.AF_INET6), ("::", socket.AF_INET6)],
)
def test_an_address_says_its_version(host: str, family: socket.AddressFamily) -> None:
    assert find_address(host, 80)[0] is family


def test_a_name_that_has_only_version_6_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fd00::5", 80, 0, 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: only)
    assert find_address("api.internal", 80) == (socket.AF_INET6, ("fd00::5", 80, 0, 0))
