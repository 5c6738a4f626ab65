"""A job queue for LLM calls: what a program that uses Pointsman imports.

Each name is imported when it is first used, so that a worker does not load the client, nor a client the worker.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .producer.client import AsyncClient, Client, RunRecord
    from .producer.errors import ApiError, ApiUnavailable, Unauthorized
    from .router.vocabulary.chat import Answer, ChatRequest
    from .router.vocabulary.errors import (
        ConfigError,
        Conflict,
        ErrorKind,
        InvalidJob,
        JobFailed,
        PointsmanError,
        StoreUnavailable,
        UnknownDelivery,
        UnknownJob,
    )
    from .router.vocabulary.job import JobRecord, JobResult, JobSpec, JobState

__all__ = [
    "Answer",
    "ApiError",
    "ApiUnavailable",
    "AsyncClient",
    "ChatRequest",
    "Client",
    "ConfigError",
    "Conflict",
    "ErrorKind",
    "InvalidJob",
    "JobFailed",
    "JobRecord",
    "JobResult",
    "JobSpec",
    "JobState",
    "PointsmanError",
    "RunRecord",
    "StoreUnavailable",
    "Unauthorized",
    "UnknownDelivery",
    "UnknownJob",
]

_HOMES = {
    ".producer.client": ("AsyncClient", "Client", "RunRecord"),
    ".producer.errors": ("ApiError", "ApiUnavailable", "Unauthorized"),
    ".router.vocabulary.chat": ("Answer", "ChatRequest"),
    ".router.vocabulary.job": ("JobRecord", "JobResult", "JobSpec", "JobState"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used; everything that has no home of its own is an error class."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF.get(name, ".router.vocabulary.errors"), __name__), name)
    globals()[name] = value
    return value
