"""How much of an answer a caller has got, so that no piece is sent twice and none is missing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Heard:
    """What was said under one binding, as far as it was passed on: `size` is its bytes of UTF-8."""

    binding: int
    size: int = 0

    def fresh(self, offset: int, text: str) -> str | None:
        """Return what is new in a piece that `offset` bytes go before, None where one before it is missing."""
        if offset > self.size:
            return None
        new = text.encode()[self.size - offset :]
        self.size += len(new)
        return new.decode()
