"""A worker's clock is set forwards and backwards while it works."""

from __future__ import annotations

import shutil
import signal
import struct
import subprocess
from pathlib import Path

from tests.chaos.faults.registry import fault
from tests.chaos.faults.stops import until_announced, until_ended
from tests.chaos.trial import Trial
from tests.support.redis_server import missing

SOURCE = Path(__file__).with_name("shifted_clock.c")
HOUR = 3600
STEPS = (HOUR, -HOUR, 400 * 24 * HOUR, 0)
SECONDS_EACH = 1.5
LYING = "worker-1"


@fault()
async def clock_of_a_worker_steps(trial: Trial) -> None:
    """One worker's clock jumps by an hour, by a year, and back: leases, timeouts and results do not care."""
    library, shift = _compiled(trial.fleet.folder), trial.fleet.folder / "shift"
    _set(shift, 0)
    await _restart(trial, LD_PRELOAD=str(library), CLOCK_SHIFT_FILE=str(shift))
    await trial.fleet.ledger.behave(least_seconds=0.2, most_seconds=0.5)
    await trial.submit(2000)
    for step in STEPS:
        _set(shift, step)
        await trial.wait_unless_done(SECONDS_EACH)
    await trial.until_share_ended(1)
    done = trial.fleet.log_of(LYING).count("succeeded")
    trial.notes["jobs that it did"] = done
    assert done, "the worker with the wrong clock did nothing"
    assert "succeeded" in "".join(_lines_of_next_year(trial)), "its clock was right all the time"
    await _restart(trial)
    await trial.succeeded()


def _compiled(folder: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        missing("there is no C compiler for shifted_clock.c; Debian: apt-get install gcc libc6-dev")
    library = folder / "shifted_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    return library


def _set(shift: Path, seconds: int) -> None:
    """Write the shift in place: the worker has the file mapped into its memory."""
    with shift.open("r+b" if shift.exists() else "w+b") as file:
        file.write(struct.pack("q", seconds))


def _lines_of_next_year(trial: Trial) -> list[str]:
    lines = trial.fleet.log_of(LYING).splitlines()
    years = {line[1:5] for line in lines if line.startswith("[20")}
    return [line for line in lines if line.startswith(f"[{max(years)}")] if len(years) > 1 else []


async def _restart(trial: Trial, **environment: str) -> None:
    trial.fleet.signal(LYING, signal.SIGTERM)
    await until_ended(trial, LYING)
    trial.fleet.start(LYING, **environment)
    await until_announced(trial, LYING)
