"""Loads the Lua scripts and runs them.

A script is put together from three parts: a prelude generated from the Python tables (keys, moves), the pieces
of lua/lib/ that its header names after `uses:`, and its own file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from ..job import MOVES
from .connection import translated
from .keys import PATTERNS, Keys

FOLDER = Path(__file__).parent / "lua"
USES = re.compile(r"^-- uses:\s*(.*)$", re.MULTILINE)

Argument = str | int | float | bytes


def prelude() -> str:
    """Return the Lua that every script starts with: the prefixes, the key builders and the table of moves."""
    lines = ["local root, queues, results = KEYS[1], KEYS[2], KEYS[3]", "local key = {}"]
    for name, pattern in PATTERNS.items():
        stem = pattern.replace("%s", "' .. value .. '")
        lines.append(f"function key.{name}(value) return root .. '{stem}' end")
    lines.append("local MOVES = {}")
    for verb, moves in MOVES.items():
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
    return prelude() + "\n".join([*libraries, body])


class Scripts:
    """Runs scripts against one Redis and one set of keys."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis, self.keys = redis, keys
        self._loaded: dict[str, AsyncScript] = {}

    async def run(self, name: str, *arguments: Argument) -> Any:
        """Run the script; raises StoreUnavailable when Redis is away or refuses to write."""
        script = self._loaded.get(name)
        if script is None:
            script = self._loaded[name] = self.redis.register_script(source(name))
        with translated():
            return await script(keys=self.keys.prefixes, args=arguments)

    async def run_many(self, name: str, calls: Sequence[Sequence[Argument]]) -> list[Any]:
        """Run the script once for each call, all in one round trip; the answers come in the same order."""
        if not calls:
            return []
        script = self._loaded.setdefault(name, self.redis.register_script(source(name)))
        with translated():
            pipeline = self.redis.pipeline(transaction=False)
            for arguments in calls:
                await script(keys=self.keys.prefixes, args=arguments, client=pipeline)
            return list(await pipeline.execute())
