"""Lanes: their names can be read back, and say everything that deciding needs."""

from __future__ import annotations

import pytest

from pointsman.router.vocabulary.lanes import Lane

LANE = Lane("technical_support", "acme", ("gpt-4", "claude"))


@pytest.mark.parametrize("lane", [LANE, Lane("@gpt-4", "default", ("gpt-4",)), Lane("code", "default", ())])
def test_a_lanes_name_reads_back_as_the_lane(lane: Lane) -> None:
    assert Lane.parse(str(lane)) == lane


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError):
        Lane.parse("technical_support")


def test_a_lane_without_a_model_keeps_the_others_in_order() -> None:
    lane = Lane("code", "acme", ("a", "b", "c"))
    assert lane.without("b") == Lane("code", "acme", ("a", "c"))
    assert lane.without("z") == lane


def test_a_lane_in_which_was_chosen_reads_back_and_can_be_opened_again() -> None:
    chosen = LANE.choosing(("claude",))
    assert Lane.parse(str(chosen)) == chosen
    assert (chosen.only, chosen.waits_for) == ("claude", ("claude",))
    assert chosen.open() == LANE
    assert LANE.only == ""


def test_a_pin_is_no_task_class() -> None:
    lane = Lane("@gpt-4", "acme", ("gpt-4",))
    assert lane.pinned
    assert lane.task_class == ""
    assert not LANE.pinned
