"""Which IP addresses a webhook may be sent to: those of the public internet, and what an operator allows."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]

# https://www.iana.org/assignments/iana-ipv4-special-registry and -ipv6-special-registry
NOT_PUBLIC: Networks = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # between a provider and its customers
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, where clouds keep the credentials of a machine
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "2001::/23",  # Teredo and other protocols
        "2001:db8::/32",
        "3fff::/20",
    )
)
PUBLIC_V6 = IPv6Network("2000::/3")
"""The only global unicast there is; loopback, unique-local, link-local and multicast lie outside of it."""
NAT64 = IPv6Network("64:ff9b::/96")


def may_be_called(host: str, allowed: Networks) -> bool:
    """Whether a host may be called, as far as it is an address: a name may be, until it is looked up."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return True
    return _is_in(address, allowed) or _is_public(address, allowed)


def _is_public(address: Address, allowed: Networks) -> bool:
    if isinstance(address, IPv6Address):
        inside = _inside(address)
        if inside is not None:
            return _is_in(inside, allowed) or _is_public(inside, allowed)
        if address not in PUBLIC_V6:
            return False
    return not _is_in(address, NOT_PUBLIC)


def _inside(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address leads to: mapped, 6to4, or through a NAT64."""
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def _is_in(address: Address, networks: Networks) -> bool:
    return any(address in network for network in networks)
