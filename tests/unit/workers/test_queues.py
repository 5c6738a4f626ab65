"""How a worker's slots are shared among its models."""

from __future__ import annotations

import pytest

from pointsman.workers.queues import share_slots


@pytest.mark.parametrize(
    ("slots", "wanted", "shares"),
    [
        (12, {"a": 8, "b": 3, "c": 1}, {"a": 8, "b": 3, "c": 1}),
        (24, {"a": 8, "b": 3, "c": 1}, {"a": 16, "b": 6, "c": 2}),
        (6, {"a": 8, "b": 3, "c": 1}, {"a": 4, "b": 1, "c": 1}),
        (10, {"a": 1, "b": 1, "c": 1}, {"a": 4, "b": 3, "c": 3}),
        (2, {"a": 4, "b": 4, "c": 4}, {"a": 1, "b": 1, "c": 1}),
        (1, {"a": 100, "b": 1}, {"a": 1, "b": 1}),
        (7, {"a": 16}, {"a": 7}),
        (5, {}, {}),
    ],
)
def test_slots_are_shared_in_proportion_to_what_each_model_wants(
    slots: int, wanted: dict[str, int], shares: dict[str, int]
) -> None:
    assert share_slots(slots, wanted) == shares


@pytest.mark.parametrize("slots", range(3, 60))
def test_all_slots_are_given_where_there_is_one_for_each(slots: int) -> None:
    shares = share_slots(slots, {"a": 8, "b": 7, "c": 6})
    assert sum(shares.values()) == slots
