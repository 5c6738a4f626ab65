"""Commands for operators: health checks of one part, and pausing a model."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from pointsman.router.vocabulary.errors import ConfigError

ModelName = Annotated[str, typer.Argument(help="Name of the model in models.yaml.")]


def health(
    part: Annotated[
        Literal["dispatcher", "worker", "webhooks", "api", "flower"], typer.Argument(help="The part to check.")
    ],
) -> None:
    """Check that a part on this host works; status 1 when it does not. For health checks of containers."""
    if part in ("api", "flower"):
        from ..local.api_health import endpoint_is_healthy as healthy
    else:
        from ..local.operations import part_is_alive as healthy

    well = healthy(part)
    sys.stdout.write(f"{part}: {'healthy' if well else 'not healthy'}\n")
    raise typer.Exit(0 if well else 1)


def pause(
    model: ModelName,
    reason: Annotated[str, typer.Option(help="Why, for those who look at the model.")] = "paused by an operator",
) -> None:
    """Bind nothing more to a model; its calls in flight go on. Needs POINTSMAN_REDIS_URL."""
    from ..local.operations import pause_model

    pause_model(model, reason)
    sys.stdout.write(f"{model} is paused; resume it with: pointsman resume {model}\n")


def resume(model: ModelName) -> None:
    """Bind to a model again, whatever closed it: a pause, a used-up quota, a refused key, a wait."""
    from ..local.operations import resume_model

    resume_model(model)
    sys.stdout.write(f"{model} is open\n")


def move(
    from_class: Annotated[str | None, typer.Option(help="Move what waits for this class.")] = None,
    from_model: Annotated[str | None, typer.Option(help="Move what names this model or alias.")] = None,
    to_class: Annotated[str | None, typer.Option(help="The class that they get.")] = None,
    to_model: Annotated[str | None, typer.Option(help="The model or alias that they name instead.")] = None,
) -> None:
    """Give waiting jobs another class or model, such as those whose own is gone. Needs POINTSMAN_REDIS_URL.

    What is bound or runs stays where it is; run it again for what comes back to wait.
    """
    if (from_class is None) == (from_model is None) or (to_class is None) == (to_model is None):
        raise ConfigError("give one of --from-class and --from-model, and one of --to-class and --to-model")
    from pointsman.router.routing.stranded import Destination, Origin

    from ..local.operations import move_jobs

    moved = move_jobs(Origin(from_class, from_model), Destination(to_class, to_model))
    sys.stdout.write(f"{moved} waiting jobs are moved to {to_class or to_model}\n")


def reload() -> None:
    """Have every part take a changed models.yaml without a restart; a wrong one changes nothing.

    Each part reads its own copy of the file and logs the version it takes, or why it keeps the old one. Queues and
    slots of a worker, addresses, ports and all POINTSMAN_* settings stay as they were at its start.
    """
    from ..local.operations import reload_all

    sys.stdout.write(f"every part is asked to take version {reload_all()}; their logs say when they have\n")
