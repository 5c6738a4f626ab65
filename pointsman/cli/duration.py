"""How the command line takes a duration: 90s, 30m, 1h, 7d, or plain seconds."""

from __future__ import annotations

import typer

from pointsman.router.vocabulary.durations import seconds_of


def duration(text: str) -> float:
    """Return the seconds; raises BadParameter, which names the option."""
    try:
        return float(text) if text.replace(".", "", 1).isdecimal() else seconds_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
