"""Where the files of a run stand, and which options are the run's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.producer.file_run.options import files_of, sort_out
from pointsman.router.vocabulary.errors import ConfigError


def test_files_stand_beside_each_other(tmp_path: Path) -> None:
    found = files_of(tmp_path / "a.jsonl", None, None)
    assert [path.name for path in (found.output, found.errors, found.journal)] == [
        "a.results.jsonl",
        "a.results.failed.jsonl",
        "a.results.jsonl.part",
    ]


@pytest.mark.parametrize(
    ("source", "output", "errors"),
    [
        ("a.jsonl", "a.jsonl", None),
        ("a.failed.jsonl", "a.jsonl", None),
        ("a.jsonl", "b.jsonl", "b.jsonl"),
        ("a.jsonl", "b.jsonl", "a.jsonl"),
        ("a.jsonl.part", "a.jsonl", None),
        ("a.jsonl", "nowhere/b.jsonl", None),
        (None, None, None),
    ],
)
def test_no_file_is_written_over_another(
    tmp_path: Path, source: str | None, output: str | None, errors: str | None
) -> None:
    places = [None if name is None else tmp_path / name for name in (source, output, errors)]
    with pytest.raises(ConfigError):
        files_of(*places)


def test_the_run_and_its_lines_are_distinguished() -> None:
    options, errors, fields = sort_out({"window": 5, "restart": True, "errors": "e", "priority": 1})
    assert (options.window, options.restart, options.strict) == (5, True, False)
    assert (errors, fields) == (Path("e"), {"priority": 1})
