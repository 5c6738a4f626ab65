"""The requests that a simulated model takes in a minute."""

from __future__ import annotations

from pointsman.simulated.window import RequestWindow


def test_the_window_says_when_one_more_fits() -> None:
    window = RequestWindow()
    assert [window.take(2, now=now) for now in (0.0, 10.0, 15.0, 59.0)] == [0, 0, 45, 1]
    assert window.take(2, now=60.0) == 0
    assert window.take(2, now=61.0) == 9
    assert window.take(None, now=61.0) == 0


def test_the_window_says_what_is_left() -> None:
    window = RequestWindow()
    assert window.left(2, now=0.0) == (2, 2, 0.0)
    window.take(2, now=0.0, seconds=4.0)
    window.take(2, now=1.0, seconds=4.0)
    assert window.left(2, now=1.0, seconds=4.0) == (2, 0, 4.0)
    assert window.left(2, now=4.5, seconds=4.0) == (2, 1, 0.5)
