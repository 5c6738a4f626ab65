"""Planning a round: jobs in order of their place over all lanes, as far as the models have room."""

from __future__ import annotations

from random import Random

import pytest

from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.decide import Waiting
from pointsman.router.routing.model_state import ModelState
from pointsman.router.routing.plan import LaneHead, Round, plan_round
from pointsman.router.vocabulary.lanes import Lane
from pointsman.router.vocabulary.model import Limits

SUPPORT = Lane("technical_support", "default", ("gpt-4", "claude"))
PINNED = Lane("@gpt-4", "default", ("gpt-4",))
OTHER = Lane("technical_support", "acme", ("gpt-4", "claude"))


def lane(lane: Lane, *positions: float, more: bool = False) -> LaneHead:
    """Return the head of a lane whose jobs are called after lane and place."""
    jobs = tuple(Waiting(f"{lane.work}/{lane.tenant}/{position:g}", position, 10, lane) for position in positions)
    return LaneHead(jobs, more)


def plan(catalog: Catalog, *lanes: LaneHead, slots: dict[str, int], limit: int = 100) -> list[tuple[str, str]]:
    """Plan one round and return (last part of the job's name, model) of each bind."""
    states = {
        name: ModelState(model, announced=slots.get(name, 0), workers=1, bound=0, running=0, served=0, now=0)
        for name, model in catalog.models.items()
    }
    seen = Round(now=0, intake=0, next_due=None, lanes=lanes, states=states)
    binds = plan_round(seen, catalog, limit=limit, random=Random(1)).binds
    return [(bind.job.id.rsplit("/", 1)[-1], str(bind.decision.model)) for bind in binds]


def test_jobs_of_several_lanes_are_taken_in_order_of_their_place(catalog: Catalog) -> None:
    lanes = [lane(SUPPORT, 2, 5), lane(PINNED, 1, 6), lane(OTHER, 3, 4)]
    planned = plan(catalog, *lanes, slots={"gpt-4": 50})
    assert [position for position, _ in planned] == ["1", "2", "3", "4", "5", "6"]


def test_what_is_planned_counts_for_what_follows(catalog: Catalog) -> None:
    planned = plan(catalog, lane(SUPPORT, 1, 2, 3, 4), slots={"gpt-4": 2, "claude": 2})
    assert sorted(model for _, model in planned) == ["claude", "claude", "gpt-4", "gpt-4"]


def test_no_more_is_planned_than_there_are_slots(catalog: Catalog) -> None:
    assert len(plan(catalog, lane(SUPPORT, 1, 2, 3, 4, 5), slots={"gpt-4": 1, "claude": 2})) == 3


def test_a_lane_that_fits_nowhere_is_passed_over(catalog: Catalog) -> None:
    assert plan(catalog, lane(PINNED, 1, 2), lane(SUPPORT, 3), slots={"claude": 1}) == [("3", "claude")]


@pytest.mark.parametrize(("limit", "wanted"), [(2, ["1", "2"]), (3, ["1", "2", "3"])])
def test_a_round_ends_at_its_limit(catalog: Catalog, limit: int, wanted: list[str]) -> None:
    planned = plan(catalog, lane(SUPPORT, 1, 2, 3, 4), slots={"gpt-4": 50}, limit=limit)
    assert [position for position, _ in planned] == wanted


def test_planning_stops_where_jobs_that_were_not_read_may_come_first(catalog: Catalog) -> None:
    lanes = [lane(SUPPORT, 1, 2, more=True), lane(OTHER, 5)]
    assert [position for position, _ in plan(catalog, *lanes, slots={"gpt-4": 50})] == ["1", "2"]


def test_a_lane_that_was_read_in_part_does_not_stop_the_ones_before_its_end(catalog: Catalog) -> None:
    lanes = [lane(SUPPORT, 1, 9, more=True), lane(OTHER, 2, 3)]
    assert [position for position, _ in plan(catalog, *lanes, slots={"gpt-4": 50})] == ["1", "2", "3", "9"]


def test_a_full_lane_that_was_read_in_part_does_not_stop_the_others(catalog: Catalog) -> None:
    lanes = [lane(PINNED, 1, 2, more=True), lane(SUPPORT, 3, 4)]
    assert [position for position, _ in plan(catalog, *lanes, slots={"claude": 5})] == ["3", "4"]


def test_nothing_is_planned_without_jobs_or_without_models(catalog: Catalog) -> None:
    assert plan(catalog, slots={"gpt-4": 5}) == []
    assert plan(catalog, lane(SUPPORT, 1), slots={}) == []


def test_smaller_jobs_do_not_take_the_tokens_that_an_earlier_one_waits_for(catalog: Catalog) -> None:
    limited = catalog.models["gpt-4"].model_copy(update={"limits": Limits(tokens_per_minute=1000)})
    state = ModelState(limited, announced=4, workers=1, bound=0, running=0, served=0, now=0, tokens_in_minute=500)
    big, small = Lane("technical_support", "a", ("gpt-4",)), Lane("technical_support", "b", ("gpt-4",))
    lanes = (
        LaneHead((Waiting("big", 1.0, 800, big),), more=False),
        LaneHead((Waiting("small", 2.0, 10, small),), more=False),
    )
    seen = Round(now=0, intake=0, next_due=None, lanes=lanes, states={"gpt-4": state})
    assert plan_round(seen, catalog, limit=10, random=Random(1)).binds == []


def test_what_a_vendor_gives_back_in_an_hour_is_not_kept_for_a_larger_job(catalog: Catalog) -> None:
    left = {"tokens_left": 500, "tokens_left_until": 3_600_000}
    state = ModelState(catalog.models["gpt-4"], announced=4, workers=1, bound=0, running=0, served=0, now=0, **left)
    big, small = Lane("technical_support", "a", ("gpt-4",)), Lane("technical_support", "b", ("gpt-4",))
    lanes = (
        LaneHead((Waiting("big", 1.0, 800, big),), more=False),
        LaneHead((Waiting("small", 2.0, 10, small),), more=False),
    )
    seen = Round(now=0, intake=0, next_due=None, lanes=lanes, states={"gpt-4": state})
    assert [bind.job.id for bind in plan_round(seen, catalog, limit=10, random=Random(1)).binds] == ["small"]
