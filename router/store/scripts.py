"""Loads the Lua scripts and runs them.

A script is put together from three parts: a prelude generated from the Python tables (keys, moves, the fields of
its call), the pieces of lua/lib/ that its header names after `uses:`, and its own file.
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

from ..vocabulary.errors import StoreUnavailable
from ..vocabulary.job import MOVES
from .calls import CALLS
from .calls.contract import Answer, Call, Packed, reading_arguments
from .connection import translated
from .keys import PATTERNS, Keys

FOLDER = Path(__file__).parent / "lua"
REPLICATED_MS = 2000
"""How long replicas may take; their own link breaks only much later."""
USES = re.compile(r"^-- uses:\s*(.*)$", re.MULTILINE)


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
    return prelude(whole) + reading_arguments(CALLS[name]) + whole


@cache
def digest(name: str) -> str:
    """Return the SHA-1 by which Redis knows one script."""
    return hashlib.sha1(source(name).encode(), usedforsecurity=False).hexdigest()


class Scripts:
    """Runs scripts against one Redis and one set of keys.

    A script that Redis does not know, since it was restarted, replaced by another or flushed, is sent whole.

    With `replicas` no answer is given before so many of them have what was written.
    """

    def __init__(self, redis: Redis, keys: Keys, *, replicas: int = 0) -> None:
        self.redis, self.keys, self._replicas = redis, keys, replicas

    async def run(self, call: Call[Answer]) -> Answer:
        """Run the script of a call; raises StoreUnavailable when Redis is away or refuses to write."""
        return (await self.run_many([call]))[0]

    async def run_many(self, calls: Sequence[Call[Answer]]) -> list[Answer]:
        """Run the script of each call, all in one round trip; the answers come in the same order.

        All are run, also behind one that fails, and then the first failure is raised.
        """
        answers: list[Answer] = []
        for answer in await self.try_many([call.pack() for call in calls]):
            if isinstance(answer, Exception):
                raise answer
            answers.append(answer)
        return answers

    async def try_many(self, calls: Sequence[Packed[Answer]]) -> list[Answer | Exception]:
        """Run the scripts as `run_many` does; what fails has its exception for an answer."""
        replies = await self._send(calls)
        while missing := [at for at, reply in enumerate(replies) if isinstance(reply, NoScriptError)]:
            again = await self._send([calls[at] for at in missing], whole=True)
            for at, reply in zip(missing, again, strict=True):
                replies[at] = reply
        answers: list[Answer | Exception] = []
        for call, reply in zip(calls, replies, strict=True):
            answer = _read(call, reply)
            answers.append(answer)
        return answers

    async def _send(self, calls: Sequence[Packed[Any]], *, whole: bool = False) -> list[Any]:
        """Return replies and errors; with `whole` the first call of a script brings it, and the others find it."""
        if not calls:
            return []
        prefixes, brought = self.keys.prefixes, set[str]()
        pipeline = self.redis.pipeline(transaction=False)
        for call in calls:
            if whole and call.script not in brought:
                brought.add(call.script)
                pipeline.eval(source(call.script), len(prefixes), *prefixes, *call.arguments)
            else:
                pipeline.evalsha(digest(call.script), len(prefixes), *prefixes, *call.arguments)
        if self._replicas:  # for what this connection has written, so one wait is for all of these calls
            pipeline.execute_command("WAIT", self._replicas, REPLICATED_MS)
        with translated():
            replies = list(await pipeline.execute(raise_on_error=False))
            if self._replicas:
                self._check_replicated(replies.pop())
        return replies

    def _check_replicated(self, reply: Any) -> None:
        if isinstance(reply, Exception):
            raise reply
        if reply < self._replicas:
            raise StoreUnavailable(
                f"what was written is on {reply} of {self._replicas} replicas, and may be lost if Redis fails now: "
                "repeat it under the same id or idempotency key"
            )


def _read(call: Packed[Answer], reply: Any) -> Answer | Exception:
    """Return the answer in a reply; for an error of redis-py, the one that it stands for."""
    try:
        with translated():
            if isinstance(reply, Exception):
                raise reply
            return call.read(reply)
    except Exception as error:  # it becomes a value, whatever it is
        return error


def milliseconds(seconds: float) -> int:
    """Return whole milliseconds."""
    return int(seconds * 1000)
