"""Requests are kept small, and come back letter by letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.router.store.compression import DEFLATED, WORTH_CHARS, pack, unpack

TEXT = st.text(st.characters(exclude_categories=("Cs",)))


@given(TEXT, st.integers(0, 40))
def test_what_is_packed_comes_back(text: str, times: int) -> None:
    request = '{"chat":"' + text * times
    assert unpack(pack(request)) == request


def test_only_what_is_long_enough_is_deflated_and_only_where_that_helps() -> None:
    assert pack("{" + "a" * (WORTH_CHARS - 2)) == "{" + "a" * (WORTH_CHARS - 2)
    long = '{"chat": "' + "How do I set the points? " * 100
    assert pack(long).startswith(DEFLATED)
    assert len(pack(long)) < len(long) / 4
    noise = "{" + "".join(chr(0x4E00 + 7919 * at % 20_000) for at in range(600))
    assert unpack(pack(noise)) == noise


def test_damage_is_reported() -> None:
    with pytest.raises(ValueError, match="not deflated"):
        unpack(DEFLATED + "AAAA")
