"""Where Celery looks for the application of a package: `celery -A pointsman worker -Q llm.<model>`."""

from .workers.app import app

__all__ = ["app"]
