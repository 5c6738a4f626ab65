"""Which addresses a webhook may be sent to."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from pointsman.router.vocabulary.webhook import may_be_called

PRIVATE = [ip_network("10.1.0.0/16"), ip_network("fd00:1::/32")]


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.0.9",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1", "192.0.0.8", "192.0.2.1", "198.18.0.1",
        "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
        "100::1", "2001::1", "2001:db8::1", "3fff::1", "64:ff9b:1::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1",
        "2002:7f00:1::", "2002:c0a8:101::1",
    ],
)  # fmt: skip
def test_what_is_not_of_the_public_internet_is_refused(host: str) -> None:
    assert not may_be_called(host, ())


@pytest.mark.parametrize(
    "host",
    [
        "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "172.15.0.1", "223.255.255.254", "198.20.0.1",
        "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
    ],
)  # fmt: skip
def test_the_public_internet_may_be_called(host: str) -> None:
    assert may_be_called(host, ())


def test_a_name_may_be_called_until_it_is_looked_up() -> None:
    assert may_be_called("localhost", ())


@pytest.mark.parametrize(
    ("host", "may"),
    [
        ("10.1.2.3", True), ("10.2.2.3", False), ("fd00:1::5", True), ("fd00:2::5", False),
        ("::ffff:10.1.2.3", True), ("::ffff:10.2.2.3", False), ("64:ff9b::a01:203", True),
    ],
)  # fmt: skip
def test_an_operator_can_allow_networks(host: str, may: bool) -> None:
    assert may_be_called(host, PRIVATE) is may
