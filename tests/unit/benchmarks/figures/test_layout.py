"""Rooms, arrows, floors and circles."""

from __future__ import annotations

from benchmarks.figures.checkout import Checkout
from benchmarks.figures.layout import Layout, floors, layout


def test_rooms_are_root_files_and_folders_and_arrows_lead_from_one_to_another(checkout: Checkout) -> None:
    assert layout(checkout, "router") == Layout(rooms=3, floors=3, arrows=3, circles=1, files_in_circles=2)
    assert layout(checkout, "pointsman") == Layout(rooms=2, floors=2, arrows=1, circles=0, files_in_circles=0)


def test_rooms_that_import_each_other_are_floors_of_their_own() -> None:
    assert floors({"a": ["b"], "b": ["c"], "c": ["b", "d"], "d": [], "e": ["d"]}) == 4
