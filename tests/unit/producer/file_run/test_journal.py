"""The part file of a run: what is kept, in which order it comes out, and what a cut at any byte leaves of it."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointsman.producer.file_run.journal import Journal, open_journal
from pointsman.producer.file_run.journal_format import Ended, Identity
from pointsman.router.vocabulary.errors import ConfigError

RUN = Identity("ab" * 32, '{"priority":3}', "salt")
LINES = 6


def end(line: int) -> Ended:
    """Return how a line ended: every third one failed."""
    data = {"line": line, "text": f"ä\t\n {line}"}
    return Ended(
        line, line % 3 != 0, data, model="gpt-4" if line % 3 else "", cost_usd=0.1 * line if line % 3 else None
    )


def outputs(journal: Journal) -> tuple[list[int], list[int]]:
    """Return the lines of both files of a part that is complete."""
    output, failures = journal.path.with_name("out"), journal.path.with_name("failures")
    journal.write_out(output, failures)
    found = [
        [json.loads(line)["line"] for line in path.read_text().splitlines()] if path.exists() else []
        for path in (output, failures)
    ]
    return found[0], found[1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(order=st.permutations(range(1, LINES + 1)))
def test_results_come_out_in_the_order_of_the_input(tmp_path: Path, order: list[int]) -> None:
    with open_journal(tmp_path / "part", LINES) as journal:
        journal.begin(RUN)
        for line in order:
            journal.add(end(line))
        assert outputs(journal) == ([1, 2, 4, 5], [3, 6])
        journal.remove()


def test_a_file_cut_at_any_byte_is_gone_on_with(tmp_path: Path) -> None:
    path, order = tmp_path / "part", [2, 6, 1, 5, 3, 4]
    with open_journal(path, LINES) as journal:
        journal.begin(RUN)
        starts = [path.stat().st_size]
        for line in order:
            journal.note_sent(line)
            journal.add(end(line))
            starts.append(path.stat().st_size)
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        with open_journal(path, LINES) as journal:
            kept = list(journal.resume())
            if cut < starts[0]:
                assert (kept, journal.identity.sha256) == ([], "")
                journal.begin(RUN)
            assert journal.identity == RUN
            assert [entry.line for entry in kept] == order[: sum(cut >= start for start in starts[1:])]
            assert [line for line in range(1, LINES + 1) if line in journal] == sorted(entry.line for entry in kept)
            assert [(entry.model, entry.cost_usd) for entry in kept] == [
                (end(entry.line).model, end(entry.line).cost_usd) for entry in kept
            ]
            for line in range(1, LINES + 1):
                if line not in journal:
                    journal.add(end(line))
            assert outputs(journal) == ([1, 2, 4, 5], [3, 6])
        with open_journal(path, LINES) as journal:
            assert len(list(journal.resume())) == LINES


def test_what_was_sent_is_known_again(tmp_path: Path) -> None:
    path = tmp_path / "part"
    with open_journal(path, LINES) as journal:
        journal.begin(RUN)
        journal.note_sent(3)
        journal.note_sent(5)
    with open_journal(path, LINES) as journal:
        assert list(journal.resume()) == []
        assert journal.sent == 5


def test_two_runs_cannot_write_to_one_output(tmp_path: Path) -> None:
    path = tmp_path / "part"
    with open_journal(path, LINES) as journal:
        journal.begin(RUN)
        with pytest.raises(ConfigError, match="another run writes"), open_journal(path, LINES):
            pass
        assert path.exists()
    with open_journal(path, LINES):
        pass


def test_a_full_disk_is_reported_and_what_was_kept_before_stays(tmp_path: Path) -> None:
    path = tmp_path / "part"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with open_journal(path, LINES) as journal:
            journal.begin(RUN)
            journal.add(end(1))
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 5, hard))
            with pytest.raises(ConfigError, match="cannot be written: File too large"):
                journal.add(end(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with open_journal(path, LINES) as journal:
        assert [entry.line for entry in journal.resume()] == [1]


def test_a_foreign_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "part"
    path.write_text('{"somebody": "else"}\n')
    with open_journal(path, LINES) as journal, pytest.raises(ConfigError, match="no file of an interrupted run"):
        list(journal.resume())
    assert path.read_text() == '{"somebody": "else"}\n'


def test_a_run_that_never_began_leaves_no_file(tmp_path: Path) -> None:
    with open_journal(tmp_path / "part", LINES):
        pass
    assert list(tmp_path.iterdir()) == []


def test_without_failures_there_is_no_file_of_them(tmp_path: Path) -> None:
    (tmp_path / "failures").write_text("of an earlier run\n")
    with open_journal(tmp_path / "part", 2) as journal:
        journal.begin(RUN)
        journal.add(end(1))
        journal.add(end(2))
        assert outputs(journal) == ([1, 2], [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "part"]


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"), open_journal(tmp_path / "nowhere" / "part", LINES):
        pass
