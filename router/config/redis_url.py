"""Reads the one URL that says where Redis is, and translates it for redis-py, kombu, Celery and Flower.

    redis://[user:password@]host[:6379][/db][?options]
    rediss://...                                                          the same over TLS
    sentinel://[user:password@]host[:26379][,host[:26379]...]/service[/db][?options]

User and password are those of Redis itself. The options are redis-py's (`ssl_ca_certs`, `ssl_cert_reqs`, ...), and
behind sentinels also `ssl=true`, `sentinel_username` and `sentinel_password`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlencode, urlsplit

SENTINEL_PORT = 26379
SENTINEL_OPTIONS = ("ssl", "sentinel_username", "sentinel_password")
HOST = re.compile(r"^(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(:(?P<port>\d{1,5}))?$")

MISSPELT = "expected host:port; in a password / # ? and @ are written %2F %23 %3F %40"
"""What was given is not shown: it may hold a password."""

Address = tuple[str, int]


@dataclass(frozen=True)
class RedisUrl:
    """Where Redis is: one server, or the primary that the sentinels name for a service.

    `options` are redis-py's arguments for a connection, the login and the database among them, without the address
    of a server behind sentinels.
    """

    tls: bool
    options: Mapping[str, Any] = field(repr=False)
    sentinels: tuple[Address, ...] = ()
    service: str = ""
    sentinel_login: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def ssl_options(self) -> dict[str, Any]:
        """Return redis-py's options for certificates; none without TLS."""
        given = {name: value for name, value in self.options.items() if name.startswith("ssl_")}
        return {"ssl_cert_reqs": "required", **given} if self.tls else {}

    @property
    def sentinel_options(self) -> dict[str, Any]:
        """Return redis-py's arguments for a connection to a sentinel, without its address."""
        return {**self.sentinel_login, **self.ssl_options, **({"ssl": True} if self.tls else {})}

    @property
    def broker_url(self) -> str:
        """Return the URL as kombu and Celery spell it: without options, and one sentinel after the other."""
        if not self.sentinels:
            return self._one("rediss" if self.tls else "redis", (self.options["host"], self.options["port"]))
        return ";".join(self._one("sentinel", address) for address in self.sentinels)

    def _one(self, scheme: str, address: Address) -> str:
        user, password = (quote(str(self.options.get(name, "")), safe="") for name in ("username", "password"))
        login = f"{user}:{password}@" if user or password else ""
        return f"{scheme}://{login}{_shown(address)}/{self.options.get('db', 0)}"

    def __str__(self) -> str:
        """Return the URL without any secret, for logs."""
        if self.sentinels:
            hosts = ",".join(map(_shown, self.sentinels))
            return f"sentinel://{hosts}/{self.service}/{self.options.get('db', 0)}"
        address = _shown((self.options["host"], self.options["port"]))
        return f"{'rediss' if self.tls else 'redis'}://{address}/{self.options.get('db', 0)}"


def check_redis_url(url: str) -> None:
    """Raise ValueError where a URL has none of these forms; its options are read when it is used, by redis-py."""
    parts = urlsplit(url)
    if parts.scheme == "sentinel":
        _sentinel_parts(url)
    elif parts.scheme not in ("redis", "rediss"):
        raise ValueError("expected a redis://, rediss:// or sentinel:// URL")
    elif not _has_a_port(parts):
        raise ValueError(MISSPELT)


def _has_a_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:  # its words would show the password
        return False


def read_redis_url(url: str) -> RedisUrl:
    """Return what a URL says; raises ValueError where it says nothing we understand."""
    check_redis_url(url)
    scheme = url.partition("://")[0]
    if scheme in ("redis", "rediss"):
        options = {"host": "127.0.0.1", "port": 6379, **_options(url)}
        return RedisUrl(tls=scheme == "rediss", options=options)
    return _read_sentinel_url(url)


def _sentinel_parts(url: str) -> tuple[str, tuple[Address, ...], str, str]:
    """Return login, sentinels, service and database."""
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    service, _, db = parts.path.strip("/").partition("/")
    if not service or not (db.isdigit() or not db):
        raise ValueError("expected sentinel://host:26379,host:26379/service, with /db after it or not")
    return login, tuple(_address(host) for host in hosts.split(",")), service, db


def _read_sentinel_url(url: str) -> RedisUrl:
    login, sentinels, service, db = _sentinel_parts(url)
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    ours = {name: query.pop(name) for name in SENTINEL_OPTIONS if name in query}
    return RedisUrl(
        tls=ours.pop("ssl", "").lower() in ("true", "yes", "1"),
        # redis-py reads the login and the options itself; it needs some host for that
        options=_options(f"redis://{login}@/{db or 0}?{urlencode(query)}"),
        sentinels=sentinels,
        service=unquote(service),
        sentinel_login={name.removeprefix("sentinel_"): value for name, value in ours.items()},
    )


def _options(url: str) -> dict[str, Any]:
    from redis.connection import parse_url  # noqa: PLC0415 # settings are read by commands that need no Redis

    found: Mapping[str, Any] = parse_url(url)  # type: ignore[no-untyped-call] # redis-py has no types here
    return {"db": 0, **{name: value for name, value in found.items() if name != "connection_class"}}


def _address(text: str) -> Address:
    found = HOST.match(text)
    if not found:
        raise ValueError(MISSPELT)
    return found["host"].strip("[]"), int(found["port"] or SENTINEL_PORT)


def _shown(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
