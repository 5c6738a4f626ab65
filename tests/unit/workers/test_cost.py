"""What a call costs."""

from __future__ import annotations

import pytest

from pointsman.router.vocabulary.chat import Usage
from pointsman.router.vocabulary.model import Price
from pointsman.workers.cost import cost_usd

USAGE = Usage(input_tokens=1_000_000, output_tokens=500_000, cached_tokens=400_000)


def test_cached_input_has_its_own_price() -> None:
    price = Price(input_usd_per_mtok=2.0, output_usd_per_mtok=10.0, cached_input_usd_per_mtok=0.5)
    assert cost_usd(USAGE, price) == pytest.approx(0.6 * 2.0 + 0.4 * 0.5 + 0.5 * 10.0)


def test_cached_input_costs_the_input_price_where_nothing_else_is_set() -> None:
    assert cost_usd(USAGE, Price(input_usd_per_mtok=2.0, output_usd_per_mtok=10.0)) == pytest.approx(7.0)


def test_cached_input_can_be_free() -> None:
    price = Price(input_usd_per_mtok=2.0, output_usd_per_mtok=0.0, cached_input_usd_per_mtok=0.0)
    assert cost_usd(USAGE, price) == pytest.approx(1.2)


def test_a_model_without_a_price_has_no_cost() -> None:
    assert cost_usd(USAGE, None) is None


def test_more_cached_than_input_never_makes_a_negative_cost() -> None:
    price = Price(input_usd_per_mtok=1.0, output_usd_per_mtok=1.0, cached_input_usd_per_mtok=0.1)
    assert cost_usd(Usage(input_tokens=10, cached_tokens=1000), price) == pytest.approx(1e-6)
