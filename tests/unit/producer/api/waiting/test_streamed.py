"""No byte of a stream is passed on twice or never."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pointsman.producer.api.waiting.streamed import SentText


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=5), max_size=8), st.data())
def test_no_piece_is_passed_on_twice_and_none_is_skipped(pieces: list[str], data: Any) -> None:
    whole = "".join(pieces)
    ends = [len("".join(pieces[:at]).encode()) for at in range(len(pieces) + 1)]
    sent, got = SentText(1), ""
    for at in data.draw(st.lists(st.integers(0, len(pieces)), max_size=20)):
        offset = ends[at]
        text = pieces[at] if at < len(pieces) else ""
        new = sent.fresh(offset, text)
        assert (new is None) == (offset > len(got.encode()))
        got += new or ""
        assert whole.startswith(got)
    assert got + (sent.fresh(0, whole) or "") == whole
