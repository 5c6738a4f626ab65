"""What a checkout knows of its imports."""

from __future__ import annotations

from benchmarks.figures.checkout import Checkout


def test_an_import_across_packages_is_known_under_either_name(checkout: Checkout) -> None:
    assert checkout.imports(checkout.modules["workers",]) == {("router", "catalog")}
    assert checkout.imports(checkout.modules["pointsman", "up"]) == {("router", "job"), ("pointsman", "parts")}
