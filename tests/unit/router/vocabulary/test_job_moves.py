"""The states of a job and their moves: one table in the code, the same in the Lua scripts and in the docs."""

from __future__ import annotations

import re

from pointsman.router.store.scripts import FOLDER, prelude
from pointsman.router.vocabulary.job import DEAD, MOVES, TERMINAL, JobState
from tests.support.checkout import ROOT

PAGE = (ROOT / "docs/states.md").read_text(encoding="utf-8")

Move = tuple[str, str, str]


def all_moves() -> set[Move]:
    """Return verb, state before and state after of every allowed move."""
    return {
        (verb, str(before), str(after))
        for verb, moves in MOVES.items()
        for before, states in moves.items()
        for after in states
    }


def test_the_table_in_the_docs_is_the_table_in_the_code() -> None:
    rows = re.findall(r"^\| (\w+) \| (\w+) \| (\w+) \|$", PAGE, re.MULTILINE)
    assert sorted(set(rows) - {("verb", "from", "to")}) == sorted(all_moves())


def test_the_diagram_in_the_docs_shows_every_move_and_no_other() -> None:
    drawn = {
        (verb, before, after)
        for before, after, verbs in re.findall(r"^ +(\w+) --> (\w+) : (.+)$", PAGE, re.MULTILINE)
        for verb in verbs.split(", ")
    }
    assert drawn == all_moves()
    assert set(re.findall(r"^ +(\w+) --> \[\*\]$", PAGE, re.MULTILINE)) == set(TERMINAL)


def every_script() -> str:
    return "\n".join(script.read_text(encoding="utf-8") for script in FOLDER.rglob("*.lua"))


def test_the_scripts_get_the_same_table() -> None:
    given = {
        (verb, before, after)
        for verb, before, states in re.findall(r"MOVES\['(\w+)'\]\['(\w+)'\] = \{(.+)\}", prelude(every_script()))
        for after in re.findall(r"\['(\w+)'\]", states)
    }
    assert given == all_moves()


def test_every_move_that_a_script_makes_by_name_is_in_the_table() -> None:
    named = set()
    for script in FOLDER.glob("*.lua"):
        text = script.read_text(encoding="utf-8")
        named |= set(re.findall(r"\b(?:move|finish)\('(\w+)', id, '(\w+)', '(\w+)'", text))
    assert named
    assert named <= all_moves()


def test_only_submit_and_move_write_a_state() -> None:
    writers = {
        script.name
        for script in FOLDER.rglob("*.lua")
        if re.search(r"'HSET', key\.job\(id\),\s*'state'", script.read_text(encoding="utf-8"))
    }
    assert writers == {"submit_job.lua", "move.lua"}


def test_only_a_retry_leads_out_of_a_terminal_state_and_only_out_of_dead_letters() -> None:
    leads_out = {(verb, before) for verb, before, _ in all_moves() if before in TERMINAL}
    assert leads_out == {("retry", state) for state in DEAD}


def test_every_state_can_be_reached_and_every_job_can_come_to_an_end() -> None:
    reached = {JobState.PENDING} | {after for _, _, after in all_moves()}
    assert reached == set(JobState)
    for state in set(JobState) - TERMINAL:
        assert ("cancel", state, JobState.CANCELLED) in all_moves()
