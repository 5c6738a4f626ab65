"""A webhook: which URL is notified of which ends, and the secrets that sign what is sent.

https://www.standardwebhooks.com, version 1.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from pydantic import Field, field_validator, model_validator

from .frozen import Frozen

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


URL = re.compile(
    r"(?i:https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?([/?][\x21\x22\x24-\x7e]*)?"
)  # no user, no password, no fragment, and nothing that two parsers could read in two ways
LONGEST_URL = 2000
SECRET_PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
OWN = "*"
"""Stands for the tenant's own webhook of the settings, wherever that is when it is called."""

JITTER = 0.2
"""A wait is longer by up to this share, so that what failed together does not come back together."""


class WebhookEvent(StrEnum):
    """What a webhook can be sent: every way in which a job or a batch can end."""

    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_EXPIRED = "job.expired"
    JOB_CANCELLED = "job.cancelled"
    BATCH_COMPLETED = "batch.completed"
    BATCH_FAILED = "batch.failed"
    BATCH_EXPIRED = "batch.expired"
    BATCH_CANCELLED = "batch.cancelled"


class Webhook(Frozen):
    """An http:// or https:// URL that is notified of ends; only of these `events` where some are named."""

    url: str = Field(max_length=LONGEST_URL)
    events: tuple[WebhookEvent, ...] = Field(default=(), max_length=len(WebhookEvent))

    @model_validator(mode="before")
    @classmethod
    def _a_text_is_the_url(cls, data: Any) -> Any:
        return {"url": data} if isinstance(data, str) else data

    @field_validator("url")
    @classmethod
    def _is_a_url(cls, value: str) -> str:
        if not URL.fullmatch(value):
            raise ValueError("expected an http:// or https:// URL in ASCII, without user, password and fragment")
        return value

    def refused(self, allowed: Networks) -> bool:
        """Whether the URL names an address that may not be called; a name is looked up when it is called."""
        found = URL.fullmatch(self.url)
        return found is not None and not may_be_called(found["host"].strip("[]"), allowed)


class OwnWebhook(Frozen):
    """One tenant's webhook in the settings: the URL that gets every end, and its own secrets."""

    url: str = ""
    events: tuple[WebhookEvent, ...] = ()
    secrets: tuple[str, ...] = Field(default=(), repr=False)

    @field_validator("url")
    @classmethod
    def _is_a_url(cls, value: str) -> str:
        return Webhook(url=value).url if value else value

    @field_validator("secrets")
    @classmethod
    def _are_secrets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for secret in value:
            read_secret(secret)
        return value


def read_secret(text: str) -> bytes:
    """Return the key that a secret stands for; raises ValueError, which does not repeat the secret."""
    try:
        key = b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(SECRET_PREFIX) or len(key) not in SECRET_BYTES:
        raise ValueError("a secret is whsec_ and the base64 of 24 to 64 random bytes")
    return key


def pack_webhook(wanted: Webhook | None, own: OwnWebhook | None) -> str:
    """Return what is kept with a job or batch: where it goes, and the events it is sent; '' for nowhere."""
    if wanted is not None:
        return " ".join((wanted.url, *wanted.events))
    return " ".join((OWN, *own.events)) if own is not None and own.url else ""


def unpack_webhook(kept: str) -> Webhook | None:
    """Return the webhook that was asked for; None where it is the tenant's own, or nobody's."""
    url, *events = kept.split() or [OWN]
    return None if url == OWN else Webhook.model_validate({"url": url, "events": events})


def retried_for_seconds(waits_seconds: Sequence[float]) -> float:
    """Return how long after an end its webhook may be tried for the last time, with an hour for a long queue."""
    return sum(waits_seconds) * (1 + JITTER) + 3600
