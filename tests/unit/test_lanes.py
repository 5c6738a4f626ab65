"""Lanes: their names can be read back, and say everything that deciding needs."""

from __future__ import annotations

import pytest

from router.lanes import Lane, lane_for

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


def test_where_a_job_waits() -> None:
    candidates = ("gpt-4", "claude")
    assert lane_for(task_class="code", pinned=None, tenant="acme", candidates=candidates) == Lane(
        "code", "acme", candidates
    )
    assert lane_for(task_class=None, pinned=None, tenant="acme", candidates=()) is None


def test_a_pin_goes_before_the_class() -> None:
    lane = lane_for(task_class="code", pinned="gpt-4", tenant="acme", candidates=("gpt-4",))
    assert lane == Lane("@gpt-4", "acme", ("gpt-4",))
    assert lane.pinned
    assert not LANE.pinned
