"""Sorts the jobs of intake: into lanes by their class, or to their end where no model can ever do them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .catalog import Catalog
from .chat import ChatRequest
from .classify import Classified, Classifier, classifier_of
from .errors import ErrorKind
from .lanes import Lane
from .placement import Placement, place
from .round import Unplaced


@dataclass
class Sorted:
    """What becomes of a batch of intake.

    `placed` are (id, lane, step that decided), `rejected` (id, class, kind, message).
    """

    placed: list[tuple[str, Lane, str]] = field(default_factory=list)
    rejected: list[tuple[str, str, ErrorKind, str]] = field(default_factory=list)


def sort_intake(jobs: Sequence[Unplaced], catalog: Catalog, *, classifier: Classifier) -> Sorted:
    """Return the lane of each job, or why it has to fail."""
    result = Sorted()
    for job in jobs:
        found, placed = place_job(job, catalog, classifier=classifier)
        if placed.lane:
            result.placed.append((job.id, placed.lane, found.words))
        else:
            result.rejected.append((job.id, found.task_class, placed.kind, placed.message))
    return result


def place_job(
    job: Unplaced, catalog: Catalog, *, classifier: Classifier | None = None
) -> tuple[Classified, Placement]:
    """Return a job's class and its lane, or why it has none; without a classifier, the catalog's own is kept."""
    found = _classified(job, catalog, classifier=classifier or classifier_of(catalog))
    named = job.named if job.named in {**catalog.models, **catalog.aliases} else None
    return found, place(catalog, job.facts, task_class=found.task_class or None, named=named, tenant=job.tenant)


def _classified(job: Unplaced, catalog: Catalog, *, classifier: Classifier) -> Classified:
    if job.named is not None and job.task_class is None:
        return Classified("", "its caller named the models")
    explicit = job.task_class if job.task_class in catalog.task_classes else None
    try:
        chat = ChatRequest.model_validate(job.payload["chat"])
    except (ValueError, KeyError):  # a newer producer's payload must not hold up everybody else
        return Classified(explicit or catalog.default_class, "default")
    return classifier.classify(chat, explicit=explicit)
