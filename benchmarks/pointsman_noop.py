"""The worker's application with a model that answers at once, and no HTTP: `celery -A benchmarks.pointsman_noop`.

It stands beside the no-op tasks of other queues. All but the call is as ever: dispatch, claim, settle, result.
"""

from __future__ import annotations

from typing import Any

import pointsman.workers.executor
from pointsman.router.vocabulary.allowance import Allowance
from pointsman.router.vocabulary.chat import Answer
from pointsman.workers.app import app
from pointsman.workers.call import Answered

__all__ = ["app"]

ANSWER = Answered(Answer(text="done", finish_reason="stop"), Allowance())


async def answer_at_once(*_: Any, **__: Any) -> Answered:
    """Return the answer that every job gets."""
    return ANSWER


pointsman.workers.executor.call = answer_at_once
