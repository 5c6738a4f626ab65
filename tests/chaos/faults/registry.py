"""The list of faults: each is a function that submits jobs, breaks something, and says what that may cost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.chaos.fleet.fleet import Shape
from tests.chaos.trial import Trial

Run = Callable[[Trial], Awaitable[None]]

EVERYTHING_ON_EVERY_WORKER = Shape()


@dataclass(frozen=True)
class Fault:
    """A fault. The short ones run with all tests, the others only by `make chaos`."""

    name: str
    run: Run
    shape: Shape
    short: bool


FAULTS: list[Fault] = []


def fault(*, short: bool = False, shape: Shape = EVERYTHING_ON_EVERY_WORKER) -> Callable[[Run], Run]:
    """Put a function on the list."""

    def add(run: Run) -> Run:
        FAULTS.append(Fault(run.__name__, run, shape, short))
        return run

    return add
