"""What `pointsman init` says: what was found, what was written, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from ...starter import Written
from ...starter.machine import HOST, LOCAL_PORTS, VENDOR_KEYS, Machine

ABOUT = {
    "models.schema.json": "what models.yaml may hold, for your editor",
    ".env": "settings; keys go there, so keep it out of version control",
}
KEPT = {
    "models.yaml": "it is there already; --force replaces it",
    "models.schema.json": "it is there already; --force replaces it",
    ".env": "it is there already, and may hold keys",
}


def init_words(machine: Machine, written: Written, folder: Path) -> str:
    """Return all of it, a line each."""
    return "".join(
        f"{line}\n" for line in (*_found(machine), *_files(written), "", *_next(machine, written, folder))
    )


def _found(machine: Machine) -> Iterator[str]:
    yield from (f"found  {variable}, for {row}" for row, variable in machine.keys.items())
    for server in machine.servers:
        yield f"found  {server.name} at {HOST}:{server.port}, with {', '.join(server.models)}"
    if not machine.keys and not machine.servers:
        variables = ", ".join(names[0] for names in VENDOR_KEYS.values())
        yield f"found  no API key ({variables}), and no LLM server on {HOST} ({', '.join(LOCAL_PORTS)})"


def _files(written: Written) -> Iterator[str]:
    about = {**ABOUT, "models.yaml": f"models: {', '.join(written.models)}"}
    for name, what in written.files.items():
        yield f"{what:5}  {name:18}  {(about if what == 'wrote' else KEPT)[name]}"


def _next(machine: Machine, written: Written, folder: Path) -> Iterator[str]:
    yield "Next:"
    if folder != Path():
        yield f"  cd {shlex.quote(str(folder))}"
    if written.files["models.yaml"] == "kept":
        yield "  pointsman models --check      # whether your models.yaml is right"
    elif machine.keys or machine.servers:
        yield "  pointsman up                  # everything in one process tree, with a Redis of its own"
    else:
        yield "  pointsman up --simulate       # the same parts, with a simulated LLM server: no key needed"
    yield '  pointsman submit "Why is the sky blue?" --wait     # in another terminal'
    if not machine.keys and not machine.servers:
        yield "For real answers put a key into .env, or start a server and run `pointsman init --force`."
