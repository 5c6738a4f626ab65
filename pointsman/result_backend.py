"""Where Celery's clients find our result backend: `Celery(backend="pointsman.result_backend:JobBackend+redis://...")`."""

from .router.broker.result_backend import JobBackend, SentinelJobBackend

__all__ = ["JobBackend", "SentinelJobBackend"]
