"""Finds the lane of a job: the models that its caller or its class names, less those that cannot do it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..vocabulary.chat import ChatRequest
from ..vocabulary.errors import ErrorKind
from ..vocabulary.facts import JobFacts
from ..vocabulary.lanes import ALIAS, PIN, Lane
from .catalog import Catalog
from .classify import Classified, Classifier, classifier_of
from .fault import Fault, fault_of
from .fit import WINDOW, unfit_because
from .stranded import gone_words

INTAKE = ""
"""Where jobs wait that have no lane yet."""


@dataclass(frozen=True)
class Placement:
    """The lane of a job, None where no model can ever do it; and why each of the others cannot."""

    lane: Lane | None
    ruled_out: Mapping[str, str]

    @property
    def kind(self) -> ErrorKind:
        """How a job without a lane fails."""
        too_long = self.ruled_out and all(why.startswith(WINDOW) for why in self.ruled_out.values())
        return ErrorKind.CONTEXT_TOO_LONG if too_long else ErrorKind.INVALID_REQUEST

    @property
    def message(self) -> str:
        """Why a job without a lane fails, model by model."""
        return "no model can do this job: " + "; ".join(f"{name}: {why}" for name, why in self.ruled_out.items())


def find_lane(
    catalog: Catalog, facts: JobFacts, *, task_class: str | None, named: str | None, tenant: str
) -> Placement:
    """Return where a job waits that names a class, a model or an alias."""
    work = work_of(catalog, task_class, named)
    route = catalog.route(work)
    ceiling = route.max_cost_usd if route else None
    names = catalog.candidates(task_class=task_class, named=named)
    ruled_out = unfit(catalog, names, facts, max_cost_usd=ceiling)
    fit = tuple(name for name in names if name not in ruled_out)
    return Placement(Lane(work, tenant, fit) if fit else None, ruled_out)


def unfit(catalog: Catalog, names: Iterable[str], facts: JobFacts, *, max_cost_usd: float | None) -> dict[str, str]:
    """Return why each of these models that cannot do the job cannot."""
    reasons = {name: unfit_because(catalog.models[name], facts, max_cost_usd=max_cost_usd) for name in names}
    return {name: why for name, why in reasons.items() if why is not None}


def work_of(catalog: Catalog, task_class: str | None, named: str | None) -> str:
    """Return what the lane of a job is called by: its class, an alias, or the model it is pinned to."""
    if named is None:
        return task_class or catalog.default_class
    if named in catalog.aliases:
        return task_class or ALIAS + named
    return PIN + named


@dataclass
class Sorted:
    """What becomes of a batch of intake.

    `with_lane` are (id, lane, step that decided), `rejected` (id, class, kind, message), `faults` what went wrong.
    """

    with_lane: list[tuple[str, Lane, str]] = field(default_factory=list)
    rejected: list[tuple[str, str, ErrorKind, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def sort_intake(jobs: Sequence[IntakeJob], catalog: Catalog, *, classifier: Classifier) -> Sorted:
    """Return the lane of each job, or why it has to fail."""
    result = Sorted()
    for job in jobs:
        try:
            found, placement = find_job_lane(job, catalog, classifier=classifier)
        except Exception as error:  # one job's trouble, whatever it is, must not hold up the others
            result.faults.append(fault_of(job.id, INTAKE, "finding its class and models", error))
            continue
        if placement.lane:
            result.with_lane.append((job.id, placement.lane, found.words))
        else:
            result.rejected.append((job.id, found.task_class, placement.kind, placement.message))
    return result


def find_job_lane(
    job: IntakeJob, catalog: Catalog, *, classifier: Classifier | None = None
) -> tuple[Classified, Placement]:
    """Return a job's class and its lane, or why it has none; without a classifier, the catalog's own is kept."""
    found = _classified(job, catalog, classifier=classifier or classifier_of(catalog))
    named = job.named if job.named in {**catalog.models, **catalog.aliases} else None
    if job.named is not None and named is None and not found.task_class:
        return found, Placement(None, {job.named: gone_words(job.named)})
    return found, find_lane(catalog, job.facts, task_class=found.task_class or None, named=named, tenant=job.tenant)


def _classified(job: IntakeJob, catalog: Catalog, *, classifier: Classifier) -> Classified:
    if job.named is not None and job.task_class is None:
        return Classified("", "its caller named the models")
    named = catalog.current_class(job.task_class or "")
    explicit = named if named in catalog.task_classes else None
    try:
        chat = ChatRequest.model_validate(job.payload["chat"])
    except (ValueError, KeyError):  # a newer producer's payload must not hold up everybody else
        return Classified(explicit or catalog.default_class, "default")
    return classifier.classify(chat, explicit=explicit)


@dataclass(frozen=True)
class IntakeJob:
    """A job of intake: one without a class, or one for which the models its caller named will never do."""

    id: str
    tenant: str
    payload: dict[str, Any]
    facts: JobFacts
    task_class: str | None
    named: str | None
