"""A wall clock that can be set, for one process that is started with it."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

from tests.support.redis_server import missing

SOURCE = Path(__file__).with_name("shifted_clock.c")


class ShiftedClock:
    """The library that sets a clock wrong, compiled into a folder, and the file that says by how much."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            missing("there is no C compiler for shifted_clock.c; Debian: apt-get install gcc libc6-dev")
        self._library, self._shift = folder / "shifted_clock.so", folder / "shift"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", self._library, SOURCE], check=True)
        self.set(0)

    @property
    def environment(self) -> dict[str, str]:
        """What a process gets whose clock is to be set."""
        return {"LD_PRELOAD": str(self._library), "CLOCK_SHIFT_FILE": str(self._shift)}

    def set(self, seconds: int) -> None:
        """Put the clock so many seconds ahead; in place, since the process has the file mapped into its memory."""
        with self._shift.open("r+b" if self._shift.exists() else "w+b") as file:
            file.write(struct.pack("q", seconds))
