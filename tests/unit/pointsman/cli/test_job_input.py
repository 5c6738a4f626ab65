"""Files of jobs for `pointsman submit`: what a line may be, and what is said of one that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.cli.job_input import read_specs
from pointsman.router.vocabulary.errors import ConfigError


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    file = tmp_path / "jobs.jsonl"
    file.write_text('{"prompt": "one"}\n\n{"prompt": "two"}\n', encoding="utf-8-sig")
    assert [spec.prompt for spec in read_specs(None, file, {})] == ["one", "two"]


def test_a_line_ends_at_a_newline_alone(tmp_path: Path) -> None:
    file = tmp_path / "jobs.jsonl"
    file.write_text('{"prompt": "one\u2028still one"}\r\n', encoding="utf-8", newline="")
    assert [spec.prompt for spec in read_specs(None, file, {})] == ["one\u2028still one"]


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_a_file_without_lines_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "jobs.jsonl"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="there are no lines in it"):
        read_specs(None, file, {})


@pytest.mark.parametrize("content", [b"\xff\xfe{\x00", b"{", b"[]", b'{"prompt": "\xff"}'])
def test_what_is_no_line_of_a_job_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "jobs.jsonl"
    file.write_bytes(b'{"prompt": "one"}\n' + content)
    with pytest.raises(ConfigError, match=r"jobs\.jsonl, line 2: "):
        read_specs(None, file, {})
