"""The command line: `pointsman --help`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from pointsman.router.runtime.start_up import raise_open_files
from pointsman.router.vocabulary.errors import ConfigError, PointsmanError, StoreUnavailable
from pointsman.router.vocabulary.extras import naming_extras

from .batch import batch
from .classify import classify
from .dead import dead, retry
from .init import init, schema
from .jobs import cancel, models, result, submit, wait
from .operations import health, move, pause, reload, resume
from .parts import demo, dispatch, flower, serve, up, work
from .webhooks import redeliver, webhooks
from .why import explain, why

app = typer.Typer(
    name="pointsman",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=(
        "A job queue for LLM calls. Jobs wait in Redis, a dispatcher binds each to a model that has room, "
        "Celery workers call it. Settings come from POINTSMAN_* variables or a .env file; models from models.yaml."
    ),
)

SET_UP: tuple[Callable[..., None], ...] = (init, schema)
RUN: tuple[Callable[..., None], ...] = (demo, up, dispatch, work, serve, flower)
USE: tuple[Callable[..., None], ...] = (
    submit,
    result,
    wait,
    cancel,
    dead,
    retry,
    webhooks,
    redeliver,
    explain,
    why,
    models,
    classify,
    pause,
    resume,
    move,
    reload,
    health,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"pointsman {version('pointsman')}\n")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None: ...


for command in SET_UP:
    app.command(rich_help_panel="Set it up")(command)
for command in RUN:
    app.command(rich_help_panel="Run it")(command)
for command in USE:
    app.command(rich_help_panel="Use it")(command)
app.add_typer(batch, rich_help_panel="Use it")


def _hint(error: PointsmanError) -> str:
    if not isinstance(error, StoreUnavailable):
        return ""
    return (
        "Is it running? `pointsman up` starts everything. If it runs elsewhere, say where: "
        "--url or POINTSMAN_URL for the API, POINTSMAN_REDIS_URL for Redis (`up` prints both).\n"
    )


def _warn_of_unknown_variables() -> None:
    """Say which variable sets nothing; the settings are imported only where there may be one."""
    own = (name for name in os.environ if name.upper().startswith("POINTSMAN_"))
    if not {"POINTSMAN_URL", "POINTSMAN_API_KEY"}.issuperset(own) or Path(".env").exists():
        with suppress(ModuleNotFoundError):  # the client alone has no settings, nor what reads them
            from pointsman.router.config.settings import warn_of_unknown_variables

            warn_of_unknown_variables()


def main() -> None:
    """Run the command line: status 2 for a wrong configuration or use, 1 for what failed, 130 for Ctrl-C."""
    try:
        raise_open_files()
        _warn_of_unknown_variables()
        with naming_extras("this command"):
            app()
    except ConfigError as error:
        sys.stderr.write(f"pointsman: {error}\n")
        sys.exit(2)
    except PointsmanError as error:
        sys.stderr.write(f"pointsman: {error}\n{_hint(error)}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
