"""What Pointsman says of a job beside an answer in the shape of a vendor."""

from __future__ import annotations

from pointsman.router.vocabulary.frozen import Frozen
from pointsman.router.vocabulary.job import JobState


class Ours(Frozen):
    """Where the job of an answer went, what it cost, which parameters were ignored or dropped for its model."""

    job_id: str
    task_class: str | None
    cost_usd: float | None
    attempts: int
    ignored: list[str]
    dropped: list[str]
    simulated: bool


class OursUnfinished(Frozen):
    """What there is to say of a job that has no answer."""

    job_id: str
    state: JobState
    task_class: str | None
    attempts: int
    ignored: list[str]
