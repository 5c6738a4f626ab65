"""With which statuses a door answers whose caller waits for the end of a job, for the API's document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from producer.anthropic.errors import STATUSES
from producer.openai.errors import FAULTS
from router.errors import ErrorKind

Answers = dict[int | str, dict[str, Any]]

NO_MODEL: Answers = {404: {"description": "No model, alias or class has this name."}}


def _by_status(statuses: Mapping[ErrorKind, int]) -> Answers:
    kinds: dict[int | str, list[str]] = {}
    for kind, status in statuses.items():
        kinds.setdefault(status, []).append(kind)
    return {**NO_MODEL, **{status: {"description": f"The job: {', '.join(why)}."} for status, why in kinds.items()}}


OPENAI_ENDS = _by_status({kind: status for kind, (status, _, _) in FAULTS.items()})
ANTHROPIC_ENDS = _by_status({kind: STATUSES.get(code, status) for kind, (status, _, code) in FAULTS.items()})
