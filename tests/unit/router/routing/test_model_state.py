"""What is known of a model fades with time."""

from __future__ import annotations

import pytest

from tests.support.strategy_cases import state


def test_an_error_rate_fades() -> None:
    failing = state(errors=0.8, errors_at=1_000_000 - 60_000)
    assert failing.error_rate == pytest.approx(0.4)
