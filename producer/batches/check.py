"""Checks an input file before any of its lines is submitted: what is wrong here fails the whole batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from ..files.lines import Portion
from ..vendor_apis.openai.batch_line import BadLine, read_request

LINES_AT_MOST = 50_000
ERRORS_AT_MOST = 100
"""Errors that are listed; a file that is wrong throughout is as well mended from these."""


@dataclass
class Check:
    """What was found so far; `wanted` are the custom_ids to be done where a batch is a retry."""

    endpoint: str
    wanted: frozenset[bytes] | None = None
    total: int = 0
    lines: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    _seen: set[bytes] = field(default_factory=set)

    def add(self, portion: Portion) -> None:
        """Look at one portion."""
        for line in portion.lines:
            self.lines += 1
            try:
                request = read_request(line, self.endpoint)
                self._add(digest(request.custom_id))
            except BadLine as error:
                self._note(error, line.number)

    def end(self) -> None:
        """Look at the file as a whole."""
        if self.lines == 0:
            self._note(BadLine("empty_file", "the file has no lines"), None)
        elif self.too_many:
            self._note(BadLine("too_many_tasks", f"the file has more than {LINES_AT_MOST} lines"), None)

    @property
    def too_many(self) -> bool:
        """Whether there are more lines than one batch may have."""
        return self.lines > LINES_AT_MOST

    @property
    def hopeless(self) -> bool:
        """Whether there is nothing to be learned from the rest of the file."""
        return self.too_many or len(self.errors) >= ERRORS_AT_MOST

    def _add(self, custom_id: bytes) -> None:
        if custom_id in self._seen:
            raise BadLine("duplicate_custom_id", "another line has this custom_id", "custom_id")
        self._seen.add(custom_id)
        self.total += self.wanted is None or custom_id in self.wanted

    def _note(self, error: BadLine, line: int | None) -> None:
        if len(self.errors) < ERRORS_AT_MOST:
            self.errors.append({"code": error.code, "message": str(error), "param": error.param, "line": line})


def digest(custom_id: str) -> bytes:
    """Return what stands for a custom_id while 50 000 of them are compared: 16 bytes, however long it is."""
    return blake2b(custom_id.encode(), digest_size=16).digest()
