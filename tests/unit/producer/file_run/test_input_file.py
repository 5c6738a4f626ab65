"""A file of lines as a run sees it: its hash, and its lines again by where they stand."""

from __future__ import annotations

import hashlib
import os
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointsman.producer.file_run import input_file as source
from pointsman.producer.file_run.input_file import LinePosition, SourceFile, look_through, spooled
from pointsman.router.vocabulary.errors import ConfigError
from pointsman.router.vocabulary.job import JobSpec

lines = st.lists(st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b"")), max_size=30)


in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)


@in_a_folder
@given(lines=lines, newline_at_end=st.booleans(), piece=st.integers(1, 12))
def test_lines_are_counted_and_found_again(
    tmp_path: Path, lines: list[bytes], newline_at_end: bool, piece: int
) -> None:
    content = b"\n".join(lines) + (b"\n" if newline_at_end else b"")
    path = tmp_path / "lines"
    path.write_bytes(content)
    wanted = [(number, line) for number, line in enumerate(content.split(b"\n"), 1) if line.strip()]
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(source, "PIECE_BYTES", piece)
        if not wanted:
            with pytest.raises(ConfigError, match="no lines"):
                look_through(path)
            return
        found = look_through(path)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert (found.jobs, found.size) == (len(wanted), len(content))
    assert found.lines == content.count(b"\n") + (not content.endswith(b"\n"))
    with closing(SourceFile(found)) as file:
        read = list(file.lines())
        assert [(line.number, (line.text or b"").rstrip(b"\n")) for line in read] == wanted
        for line in reversed(read):
            assert file.line(LinePosition(line.number, line.offset)) == line


def test_what_is_appended_meanwhile_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("one\ntwo\n")
    found = look_through(path)
    with closing(SourceFile(found)) as file:
        with path.open("a") as more:
            more.write("three\n")
        assert [line.text for line in file.lines()] == [b"one\n", b"two\n"]


@pytest.mark.parametrize("written", ["one\n", "One\ntwo\n", "one\n2\nthree\n", ""])
def test_a_file_that_is_rewritten_meanwhile_is_reported(tmp_path: Path, written: str) -> None:
    path = tmp_path / "lines"
    path.write_text("one\ntwo\n")
    found = look_through(path)
    with closing(SourceFile(found)) as file:
        first = next(file.lines())
        path.write_text(written)
        os.utime(path, ns=(0, found.changed_ns + 1))  # a clock of the file system may be coarse
        with pytest.raises(ConfigError, match="rewritten while the run was reading it"):
            list(file.lines())
        with pytest.raises(ConfigError, match="rewritten while the run was reading it"):
            file.line(LinePosition(first.number, first.offset))


def test_a_file_that_is_only_touched_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("one\ntwo\n")
    found = look_through(path)
    with closing(SourceFile(found)) as file:
        path.write_text("one\ntwo\n")
        os.utime(path, ns=(0, found.changed_ns + 1))
        assert [line.text for line in file.lines()] == [b"one\n", b"two\n"]


def test_another_file_in_its_place_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("one\ntwo\n")
    found = look_through(path)
    (tmp_path / "other").write_text("eins\nzwei\n")
    (tmp_path / "other").replace(path)
    with closing(SourceFile(found)) as file, pytest.raises(ConfigError, match="rewritten"):
        list(file.lines())


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("one\ntwo\n", encoding="utf-8-sig")
    with closing(SourceFile(look_through(path))) as file:
        read = list(file.lines())
        assert [line.text for line in read] == [b"one\n", b"two\n"]
        assert file.line(LinePosition(1, 0)).text == b"one\n"


def test_a_byte_order_mark_alone_is_no_line(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("\n", encoding="utf-8-sig")
    with pytest.raises(ConfigError, match="no lines"):
        look_through(path)


def test_a_line_that_is_too_long_comes_without_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LINE_BYTES", 10)
    path = tmp_path / "lines"
    path.write_text("short\n" + "x" * 100 + "\nshort too\n")
    with closing(SourceFile(look_through(path))) as file:
        assert [line.text for line in file.lines()] == [b"short\n", None, b"short too\n"]


@pytest.mark.parametrize("name", ["is-not-there", "."])
def test_what_cannot_be_read_is_reported(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        look_through(tmp_path / name)


def test_what_cannot_be_read_twice_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writing = os.open(tmp_path / "pipe", os.O_RDWR)  # without somebody who writes, to open it would wait
    with pytest.raises(ConfigError, match="no file that can be read again"):
        look_through(tmp_path / "pipe")
    os.close(writing)


async def test_jobs_of_every_kind_become_lines(tmp_path: Path) -> None:
    jobs = ["a prompt", {"prompt": "two", "priority": 1}, JobSpec(prompt="three", model="gpt-4")]
    async with spooled(jobs, tmp_path) as path:
        assert path.read_text().splitlines() == [
            '{"prompt":"a prompt"}',
            '{"prompt":"two","priority":1}',
            '{"prompt":"three","model":"gpt-4"}',
        ]
    assert not path.exists()
