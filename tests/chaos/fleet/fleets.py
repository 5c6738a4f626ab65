"""Keeps a fleet running from one fault to the next, for Python processes take seconds to start."""

from __future__ import annotations

import os
from pathlib import Path

from tests.chaos.fleet.fleet import Fleet, Shape

SEED = int(os.environ.get("POINTSMAN_CHAOS_SEED", "1"))
"""What every draw of a fault begins with; read before the tests take the environment away."""


class Fleets:
    """The last fleet, for the next fault that wants one of the same shape."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        self._fleet: Fleet | None = None

    def of(self, shape: Shape) -> Fleet:
        """Return a running fleet of this shape."""
        if self._fleet is None or self._fleet.shape != shape:
            self.stop()
            self._count += 1
            self._fleet = Fleet(self._folder / f"fleet-{self._count}", shape, seed=SEED)
        return self._fleet

    def stop(self) -> None:
        """Stop the running fleet, if there is one."""
        if self._fleet is not None:
            self._fleet.stop()
        self._fleet = None
