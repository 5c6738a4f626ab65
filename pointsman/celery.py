"""Where Celery looks for the application of a package: `celery -A pointsman worker -Q llm.<model>`."""

from .router.runtime.start_up import end_on_sigterm

end_on_sigterm()  # until Celery's worker, or Flower, has a handler of its own

from .workers.app import app  # noqa: E402 # imports take a second, in which a container may be stopped

__all__ = ["app"]
