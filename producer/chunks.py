"""Cuts many jobs into portions that one request may carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from router.job import JobSpec

JOBS = 500
"""Jobs in one portion: half of what the API takes, a few ms of Redis's time."""
FIELDS_BYTES = 500
BYTES = 4_000_000
"""Size of one portion; the API refuses bodies over 10 MB unless it is told otherwise."""


def portions(specs: Iterable[JobSpec], *, jobs: int = JOBS, size: int = BYTES) -> Iterator[list[JobSpec]]:
    """Yield the jobs in order, at most `jobs` and about `size` bytes at once; a larger job goes alone."""
    portion: list[JobSpec] = []
    taken = 0
    for spec in specs:
        needs = _size(spec)
        if portion and (len(portion) >= jobs or taken + needs > size):
            yield portion
            portion, taken = [], 0
        portion.append(spec)
        taken += needs
    if portion:
        yield portion


def _size(spec: JobSpec) -> int:
    """Return about how many bytes a job is as JSON; a prompt is only measured, for to write it costs much more."""
    if spec.prompt is None:
        return len(spec.model_dump_json(exclude_none=True).encode())
    return FIELDS_BYTES + 2 * len(spec.prompt) + 2 * len(spec.system or "")
