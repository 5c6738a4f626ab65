"""The command line, as `pointsman` and `python -m pointsman`: it obeys SIGTERM before it imports anything else."""

from .router.runtime.start_up import end_on_sigterm

end_on_sigterm()

from .cli.app import main  # noqa: E402 # imports take a second, in which a container may be stopped

__all__ = ["main"]

if __name__ == "__main__":
    main()
