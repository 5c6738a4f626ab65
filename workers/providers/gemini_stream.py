"""Reads the streams of Gemini: each event is a reply with the next parts, and the last one says why it ends."""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue

from .gemini_reply import CamelShape, Content, PartShape
from .reply import Text, broken_off, read


class CandidatePiece(CamelShape):
    """A piece of one of the answers asked for; we ask for one."""

    index: int | None = None
    content: Content | None = None
    finish_reason: Text | None = None
    finish_message: Text | None = None


class GeminiChunk(CamelShape):
    """One event; usage is the sum so far."""

    candidates: list[CandidatePiece] | None = None
    prompt_feedback: dict[str, JsonValue] | None = None
    usage_metadata: dict[str, JsonValue] | None = None
    model_version: Text | None = None
    response_id: Text | None = None


class GeminiStream:
    """Puts the events of one reply together. It ends with its connection: no event is known to be the last."""

    def __init__(self) -> None:
        self._about: dict[str, Any] = {}
        self._candidate: dict[str, Any] | None = None
        self._parts: list[PartShape] = []

    def take(self, event: Any) -> str | None:
        """Take one event; return the text in it."""
        chunk = read(GeminiChunk, event)
        self._about |= chunk.model_dump(by_alias=True, exclude_none=True, exclude={"candidates"})
        return "".join(self._take(candidate) for candidate in chunk.candidates or () if not candidate.index)

    def _take(self, candidate: CandidatePiece) -> str:
        end = candidate.model_dump(by_alias=True, exclude_none=True, include={"finish_reason", "finish_message"})
        self._candidate = {**(self._candidate or {}), **end}
        parts = (candidate.content or Content()).parts or []
        self._parts += parts
        return "".join(part.text or "" for part in parts if not part.thought)

    def body(self) -> Any:
        """Return the body of the same reply without a stream; raises CallFailed where the end is missing."""
        if self._candidate is None:
            return self._about  # a blocked prompt has no candidates
        if "finishReason" not in self._candidate:
            raise broken_off()
        parts = [part.model_dump(by_alias=True, exclude_none=True) for part in self._parts]
        return {**self._about, "candidates": [{**self._candidate, "content": {"parts": parts}}]}
