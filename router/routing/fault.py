"""What went wrong with one job while many were looked at: it is that job's alone, and the others go on."""

from __future__ import annotations

from dataclasses import dataclass
from traceback import extract_tb

FRAMES_SHOWN = 6
LONGEST_WORDS = 600
"""Of the error's own words, which may hold a whole prompt."""


@dataclass(frozen=True)
class Fault:
    """A job that causes an error, and where it waits: in a lane, or in intake ('')."""

    job_id: str
    lane: str
    message: str


def fault_of(job_id: str, lane: str, doing: str, error: Exception) -> Fault:
    """Return the fault of a job; `doing` is what was tried with it."""
    return Fault(job_id, lane, fault_words(doing, error))


def fault_words(doing: str, error: BaseException) -> str:
    """Return what happened in one line, and below it the innermost frames of its traceback."""
    words = f"{doing}: {type(error).__name__}: {error}".encode(errors="replace").decode()[:LONGEST_WORDS]
    frames = extract_tb(error.__traceback__)[-FRAMES_SHOWN:]
    return "\n".join([words, *(f"  {_place(frame.filename)}:{frame.lineno} in {frame.name}" for frame in frames)])


def _place(filename: str) -> str:
    """Return the last parts of a path: enough to find the file, whoever's it is."""
    return "/".join(filename.replace("\\", "/").split("/")[-3:])
