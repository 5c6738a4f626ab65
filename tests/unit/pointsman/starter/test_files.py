"""`pointsman init` writes a folder's files once, keeps what is there, and never writes a key down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pointsman.router.routing.models_schema import models_schema
from pointsman.router.vocabulary.errors import ConfigError
from pointsman.starter import write_files
from pointsman.starter.machine import Machine

MACHINE = Machine({"gpt-4": "OPENAI_API_KEY"}, ())
SECRET = {"OPENAI_API_KEY": "sk-not-to-be-written"}


def _init(folder: Path, *, force: bool = False) -> list[str]:
    return list(write_files(folder, MACHINE, SECRET, force=force).files.values())


def test_it_writes_models_schema_and_settings_without_any_key(tmp_path: Path) -> None:
    assert _init(tmp_path / "new") == ["wrote"] * 3
    texts = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "new").iterdir()}
    assert sorted(texts) == [".env", "models.schema.json", "models.yaml"]
    assert json.loads(texts["models.schema.json"]) == models_schema()
    assert "OPENAI_API_KEY is set in the environment" in texts[".env"]
    assert not any("sk-not" in text for text in texts.values())
    assert (tmp_path / "new" / ".env").stat().st_mode & 0o077 == 0


def test_what_is_there_stays_unless_it_is_forced_and_then_under_another_name(tmp_path: Path) -> None:
    for name in ("models.yaml", ".env"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
    assert _init(tmp_path) == ["kept", "wrote", "kept"]
    assert (tmp_path / "models.yaml").read_text(encoding="utf-8") == "mine"
    assert _init(tmp_path, force=True) == ["wrote", "wrote", "kept"]
    assert (tmp_path / "models.yaml.old").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / ".env").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file: cannot be written"):
        _init(tmp_path / "file")
