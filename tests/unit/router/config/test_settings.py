"""Settings: from POINTSMAN_* variables, frozen, and a mistake names the variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from pointsman.router.config.settings import Settings, load_settings
from pointsman.router.vocabulary.errors import ConfigError


def test_every_setting_has_a_default() -> None:
    settings = load_settings()
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert settings.lease_seconds == 15


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_LEASE_SECONDS", "30")
    monkeypatch.setenv("POINTSMAN_API_KEYS", "one, two,")
    settings = load_settings()
    assert settings.lease_seconds == 30
    assert settings.api_keys == ("one", "two")


def test_what_is_given_goes_before_the_environment_and_none_means_not_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POINTSMAN_LEASE_SECONDS", "30")
    assert load_settings(lease_seconds=5).lease_seconds == 5
    assert load_settings(lease_seconds=None).lease_seconds == 30


def test_settings_come_from_a_file_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("POINTSMAN_KEY_PREFIX=acme:\nSOMETHING_ELSE=1\n", encoding="utf-8")
    assert Settings(_env_file=tmp_path / ".env").key_prefix == "acme:"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("POINTSMAN_KEY_PREFIX", "with space"),
        ("POINTSMAN_LEASE_SECONDS", "0"),
        ("POINTSMAN_LEASE_SECONDS", "soon"),
        ("POINTSMAN_API_PORT", "70000"),
        ("POINTSMAN_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_mistake_names_the_variable_and_what_was_given(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert caught.value.field == variable
    assert value in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("POINTSMAN_REDIS_URL", "http://:secret@example.com"), ("POINTSMAN_FLOWER_BASIC_AUTH", "secret")],
)
def test_what_may_hold_a_password_is_not_shown_again(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert caught.value.field == variable
    assert "secret" not in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        load_settings().lease_seconds = 1  # type: ignore[misc] # redis-py types are of both clients


def test_all_mistakes_are_told_at_once_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("KEY_PREFIX", "with space"), ("API_PORT", "70000"), ("FLOWER_BASIC_AUTH", "secret")):
        monkeypatch.setenv(f"POINTSMAN_{name}", value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value).splitlines() == [
        "3 mistakes in the configuration:",
        "  POINTSMAN_KEY_PREFIX: expected nothing, or letters, digits and : _ . - with one of : _ - . at the end "
        "(given: 'with space')",
        "  POINTSMAN_API_PORT: Input should be less than or equal to 65535 (given: '70000')",
        "  POINTSMAN_FLOWER_BASIC_AUTH: expected user:password",
    ]


def test_a_misspelt_variable_is_reported_once_with_what_may_be_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POINTSMAN_LEASE_SECOND", "30")
    monkeypatch.setenv("POINTSMAN_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("pointsman_api_port", "1")
    (tmp_path / ".env").write_text("POINTSMAN_REDIS_URLS=x\nPOINTSMAN_KEY_PREFIX=acme:\nOTHER=1\n")
    for _ in range(2):
        load_settings()
    assert [record.message for record in caplog.records] == [
        "POINTSMAN_LEASE_SECOND: there is no such setting; did you mean POINTSMAN_LEASE_SECONDS?",
        ".env: POINTSMAN_REDIS_URLS: there is no such setting; did you mean POINTSMAN_REDIS_URL?",
    ]
