"""Goes on with what an interrupted run has left, or begins."""

from __future__ import annotations

import hashlib
import json
import secrets

from router.errors import ConfigError

from .options import Files, Options
from .part import RESTART, Part
from .part_file import OK, Identity
from .tallying import RunTally


def take_over(part: Part, wanted: Identity, files: Files, options: Options, tally: RunTally) -> None:
    """Make the part file that of the wanted run, and count what it has of it; blocks. Raises ConfigError."""
    if options.restart:
        part.begin(Identity(wanted.sha256, wanted.defaults, secrets.token_hex(8)))
        return
    for entry in part.resume():
        tally.count(succeeded=entry.kind == OK, model=entry.model, cost_usd=entry.cost_usd, earlier=True)
    if part.identity.sha256:
        check_same(part, wanted)
        return
    for path in (files.output, files.errors):
        if path.exists():
            raise ConfigError(f"it is there already; {RESTART}", file=str(path))
    part.begin(wanted)


def check_same(part: Part, wanted: Identity) -> None:
    """Raise ConfigError where an interrupted run is of another file, or of other options."""
    begun = part.identity
    if begun.sha256 != wanted.sha256:
        what = "the input is another than that of the interrupted run, or has changed since"
        raise ConfigError(f"{what}; {RESTART}", file=str(part.path))
    if begun.defaults != wanted.defaults:
        raise ConfigError(
            f"the interrupted run had other options: {_words(begun.defaults)}; {RESTART}", file=str(part.path)
        )


def run_name(identity: Identity) -> str:
    """Return the name of a run, in which the ids of its jobs are unique: the same for the same file and options."""
    text = "\n".join((identity.sha256, identity.defaults, identity.salt))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _words(defaults: str) -> str:
    return ", ".join(f"{name} {value}" for name, value in json.loads(defaults).items())
