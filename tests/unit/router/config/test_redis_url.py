"""The one URL that says where Redis is: what each library is told for it, and that no secret gets into a log."""

from __future__ import annotations

import pytest

from pointsman.router.broker.message import celery_config
from pointsman.router.config.redis_url import check_redis_url, read_redis_url
from pointsman.router.config.settings import Settings

THREE = "sentinel://me:p%40ss@a:1,b,[::1]:3/main/2?ssl_ca_certs=/ca.pem&ssl=true&sentinel_password=s3cret"


def test_a_plain_url_has_redis_pys_defaults() -> None:
    where = read_redis_url("redis://:geheim@example.com/3?socket_timeout=5")
    assert where.options == {
        "host": "example.com", "port": 6379, "db": 3, "password": "geheim", "socket_timeout": 5.0,
    }  # fmt: skip
    assert (where.tls, where.sentinels, where.ssl_options) == (False, (), {})
    assert where.broker_url == "redis://:geheim@example.com:6379/3"


def test_a_tls_url_checks_certificates_unless_set_otherwise() -> None:
    assert read_redis_url("rediss://example.com").ssl_options == {"ssl_cert_reqs": "required"}
    where = read_redis_url("rediss://example.com:6380/0?ssl_cert_reqs=none&ssl_check_hostname=false")
    assert where.ssl_options == {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    assert where.broker_url == "rediss://example.com:6380/0"


def test_a_sentinel_url_names_the_sentinels_the_service_and_both_logins() -> None:
    where = read_redis_url(THREE)
    assert where.sentinels == (("a", 1), ("b", 26379), ("::1", 3))
    assert where.service == "main"
    assert where.options == {"username": "me", "password": "p@ss", "db": 2, "ssl_ca_certs": "/ca.pem"}
    ssl = {"ssl": True, "ssl_cert_reqs": "required", "ssl_ca_certs": "/ca.pem"}
    assert where.sentinel_options == {"password": "s3cret", **ssl}


def test_celery_is_configured_alike() -> None:
    config = celery_config(Settings(redis_url=THREE, key_prefix="p:"))
    assert config["broker_url"] == config["result_backend"]
    assert config["broker_url"].split(";") == [
        f"sentinel://me:p%40ss@{host}/2" for host in ("a:1", "b:26379", "[::1]:3")
    ]
    ssl = {"ssl_cert_reqs": "required", "ssl_ca_certs": "/ca.pem"}
    assert config["broker_use_ssl"] == config["redis_backend_use_ssl"] == ssl
    for options in (config["broker_transport_options"], config["result_backend_transport_options"]):
        assert (options["master_name"], options["global_keyprefix"]) == ("main", "p:")
        assert options["sentinel_kwargs"]["password"] == "s3cret"


@pytest.mark.parametrize("url", [THREE, "redis://u:s3cret@h/1", "rediss://:p%40ss@h?password=s3cret"])
def test_no_secret_is_shown(url: str) -> None:
    where = read_redis_url(url)
    for text in (str(where), repr(where)):
        assert not any(secret in text for secret in ("s3cret", "p@ss", "p%40ss"))


def test_what_is_shown_is_enough_to_find_it() -> None:
    assert str(read_redis_url(THREE)) == "sentinel://a:1,b:26379,[::1]:3/main/2"
    assert str(read_redis_url("rediss://:pw@h/1")) == "rediss://h:6379/1"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "unix:///tmp/redis.sock",
        "sentinel://a:1,b:2",
        "sentinel://a:1/main/first",
        "sentinel://a:1,/main",
        "sentinel://a:b/main",
        "redis://h:port",
    ],
)
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        read_redis_url(url)


@pytest.mark.parametrize(
    "url", ["redis://:s3cret/pw@host", "rediss://user:s3cret#x@h", "sentinel://:s3cret/x@h", "redis://h:s3cret"]
)
def test_a_misspelt_url_shows_no_password(url: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        check_redis_url(url)
    assert "s3cret" not in str(caught.value)
