"""What a webhook may be, what is kept of it, and the settings that sign it."""

from __future__ import annotations

import json
from base64 import b64encode
from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from pointsman.router.config.settings import Settings, load_settings
from pointsman.router.vocabulary.errors import ConfigError
from pointsman.router.vocabulary.webhook import OWN, OwnWebhook, Webhook, pack_webhook, read_secret

SECRET = "whsec_" + b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + b64encode(bytes(range(40, 64))).decode()


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com", "http://example.com:8080/hooks?token=a%20b&c=~", "HTTPS://Example.com/",
        "https://8.8.8.8/x", "https://[2606:4700::1]:443/x", "http://a_b.internal/",
    ],
)  # fmt: skip
def test_a_webhook_is_a_url(url: str) -> None:
    assert Webhook.model_validate(url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com/x", "ftp://example.com/", "file:///etc/passwd", "//example.com", "https://",
        "https://user@example.com/", "https://user:password@example.com/", "https://example.com/#part",
        "https://exa mple.com/", "https://example.com/a b", "https://example.com/\n", "https://bücher.example/",
        "https://good.example\\@127.0.0.1/", "https://example.com:port/", "https://example.com:123456/",
        "https://example.com/" + "x" * 2000, "javascript:alert(1)", "https://[::1/x",
    ],
)  # fmt: skip
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Webhook(url=url)


def test_an_unknown_event_is_refused() -> None:
    with pytest.raises(ValidationError):
        Webhook(url="https://example.com", events=("job.begun",))  # type: ignore[arg-type] # that is the point


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/x", "https://[::1]/", "http://169.254.169.254/latest"])
def test_an_address_that_may_not_be_called_is_known_at_once(url: str) -> None:
    assert Webhook(url=url).refused(())
    assert not Webhook(url=url).refused([ip_network("0.0.0.0/0"), ip_network("::/0")])
    assert not Webhook(url="https://example.com").refused(())


def test_what_is_kept_names_the_url_and_its_events_or_the_tenants_own() -> None:
    asked = Webhook.model_validate({"url": "https://a.example/x", "events": ["job.failed", "job.expired"]})
    own = OwnWebhook(url="https://b.example", secrets=(SECRET,))
    assert pack_webhook(asked, own) == "https://a.example/x job.failed job.expired"
    assert pack_webhook(None, own) == OWN
    assert pack_webhook(None, OwnWebhook(secrets=(SECRET,))) == ""
    assert pack_webhook(None, None) == ""


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_short", "whsec_" + "A" * 200, SECRET[6:], "whsec_" + "!" * 40]
)
def test_a_secret_that_cannot_sign_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and the base64") as caught:
        read_secret(text)
    assert not text or text == "whsec_" or text not in str(caught.value)


def test_a_tenant_signs_with_its_own_secrets_else_with_those_of_all() -> None:
    settings = Settings(_env_file=None, webhook_secrets=(SECRET,), webhooks={"acme": {"secrets": [OTHER, SECRET]}})
    assert settings.signing_secrets("acme") == (OTHER, SECRET)
    assert settings.signing_secrets("zeta") == (SECRET,)


def test_another_process_reads_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(
        _env_file=None, webhook_secrets=(SECRET, OTHER), webhook_allow=("10.0.0.0/8", "fd00::/8"),
        webhook_waits_seconds=(1, 2.5), api_keys=("a", "acme:b"),
        webhooks={"acme": {"url": "https://a.example", "events": ["job.failed"], "secrets": [OTHER]}},
    )  # fmt: skip
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    assert Settings(_env_file=None) == settings


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("WEBHOOK_SECRETS", "swordfish", "POINTSMAN_WEBHOOK_SECRETS: .*whsec_ and the base64"),
        ("WEBHOOKS", '{"acme": {"secrets": ["swordfish"]}}', "POINTSMAN_WEBHOOKS: acme: secrets: .*whsec_"),
        ("WEBHOOKS", '{"acme": {"url": "swordfish"}}', "POINTSMAN_WEBHOOKS: acme: url: .*expected an http"),
        ("WEBHOOKS", '{"acme": swordfish', "POINTSMAN_WEBHOOKS: "),
        ("WEBHOOKS", json.dumps({"acme": {"url": "https://a.example"}}), "give acme secrets"),
        ("WEBHOOK_ALLOW", "10.0.0.1/8", "POINTSMAN_WEBHOOK_ALLOW: .*network"),
    ],
)
def test_a_wrong_setting_is_named_and_its_secret_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(f"POINTSMAN_{name}", value)
    with pytest.raises(ConfigError, match=words) as caught:
        load_settings()
    assert "swordfish" not in str(caught.value)
    assert "swordfish" not in str(caught.value.__cause__)


def test_settings_do_not_show_their_webhook_secrets() -> None:
    settings = Settings(_env_file=None, webhook_secrets=(SECRET,), webhooks={"acme": {"secrets": [OTHER]}})
    assert SECRET not in repr(settings)
    assert OTHER not in repr(settings)
