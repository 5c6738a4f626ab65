"""The gaps between the calls of a slot, from when each call began and ended."""

from __future__ import annotations

from benchmarks.slot_gap import gaps
from benchmarks.targets import SLOT_GAPS, verdicts


def test_a_gap_is_from_an_end_to_the_call_that_takes_its_slot() -> None:
    began = [0.0, 0.0, 1.25, 2.5, 3.0]
    ended = [2.0, 1.0, 2.75, 4.0, 4.5]
    assert gaps(began, ended, slots=2) == [0.25, 0.5, 0.25]


def test_each_size_has_a_target_of_its_own() -> None:
    rows = [{"slots": slots, "gap_p95_ms": gap} for slots, gap in ((1, 30.0), (8, 30.5))]
    found = [row["met"] for row in verdicts({"slot_gap": {"rows": rows}}, SLOT_GAPS)]
    assert found == ["yes", "**no**", "not measured"]
