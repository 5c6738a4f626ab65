"""Loads the Lua scripts and runs them.

A script is put together from three parts: a prelude generated from the Python tables (keys, moves), the pieces
of lua/lib/ that its header names after `uses:`, and its own file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from ..vocabulary.job import MOVES
from .connection import translated
from .keys import PATTERNS, Keys

FOLDER = Path(__file__).parent / "lua"
USES = re.compile(r"^-- uses:\s*(.*)$", re.MULTILINE)

Argument = str | int | float | bytes


def prelude(body: str) -> str:
    """Return the Lua that a script starts with: the prefixes, its key builders and the moves of its verbs.

    A script runs it each time, so what its body does not use is left out.
    """
    lines = ["local root, queues, results = KEYS[1], KEYS[2], KEYS[3]", "local key = {}"]
    for name in (name for name in PATTERNS if f"key.{name}(" in body):
        stem = PATTERNS[name].replace("%s", "' .. value .. '")
        lines.append(f"function key.{name}(value) return root .. '{stem}' end")
    lines.append("local MOVES = {}")
    for verb, moves in ((verb, moves) for verb, moves in MOVES.items() if f"('{verb}'" in body):
        lines.append(f"MOVES['{verb}'] = {{}}")
        for before, after in moves.items():
            states = ", ".join(f"['{state}'] = true" for state in sorted(after))
            lines.append(f"MOVES['{verb}']['{before}'] = {{{states}}}")
    return "\n".join(lines) + "\n"


@cache
def source(name: str) -> str:
    """Return the whole text of one script."""
    body = (FOLDER / f"{name}.lua").read_text(encoding="utf-8")
    found = USES.search(body)
    pieces = found.group(1).replace(",", " ").split() if found else []
    libraries = [(FOLDER / "lib" / f"{piece}.lua").read_text(encoding="utf-8") for piece in pieces]
    whole = "\n".join([*libraries, body])
    return prelude(whole) + whole


@cache
def digest(name: str) -> str:
    """Return the SHA-1 by which Redis knows one script."""
    return hashlib.sha1(source(name).encode(), usedforsecurity=False).hexdigest()


class Scripts:
    """Runs scripts against one Redis and one set of keys.

    A script that Redis does not know, since it was restarted, replaced by another or flushed, is sent whole.
    """

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis, self.keys = redis, keys

    async def run(self, name: str, *arguments: Argument) -> Any:
        """Run the script; raises StoreUnavailable when Redis is away or refuses to write."""
        return (await self.run_many(name, [arguments]))[0]

    async def run_many(self, name: str, calls: Sequence[Sequence[Argument]]) -> list[Any]:
        """Run the script once for each call, all in one round trip; the answers come in the same order.

        All are run, also behind one that fails, and then the first failure is raised.
        """
        answers = await self.try_many(name, calls)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def try_many(self, name: str, calls: Sequence[Sequence[Argument]]) -> list[Any]:
        """Run the script as `run_many` does; what fails has its exception for an answer."""
        answers = await self._send(name, calls)
        while missing := [at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)]:
            again = await self._send(name, [calls[at] for at in missing], whole=True)
            for at, answer in zip(missing, again, strict=True):
                answers[at] = answer
        return list(map(_translate, answers))

    async def _send(self, name: str, calls: Sequence[Sequence[Argument]], *, whole: bool = False) -> list[Any]:
        """Return answers and errors; with `whole` the first call brings the script, and the others find it."""
        if not calls:
            return []
        prefixes = self.keys.prefixes
        pipeline = self.redis.pipeline(transaction=False)
        for at, arguments in enumerate(calls):
            if whole and at == 0:
                pipeline.eval(source(name), len(prefixes), *prefixes, *arguments)
            else:
                pipeline.evalsha(digest(name), len(prefixes), *prefixes, *arguments)
        with translated():
            return list(await pipeline.execute(raise_on_error=False))


def _translate(answer: Any) -> Any:
    """Return an answer as it is, and a redis-py error as the one that it stands for."""
    if not isinstance(answer, Exception):
        return answer
    try:
        with translated():
            raise answer
    except Exception as error:  # it becomes a value, whatever it is
        return error


def milliseconds(seconds: float) -> int:
    """Return whole milliseconds."""
    return int(seconds * 1000)


def moment(now: int | None) -> str | int:
    """Return a script's `now`: given by tests and simulations, else empty for Redis's own clock."""
    return "" if now is None else now
