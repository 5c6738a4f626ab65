"""What `AsyncClient.submit_many` returns: awaited it is the jobs' ids, iterated it is their records as they end."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Generator
from types import TracebackType
from typing import Any

from .run_record import RunRecord


class Submission(Coroutine[Any, Any, list[str]], AsyncIterable[RunRecord]):
    """Does nothing before it is awaited or iterated; a coroutine, so that `create_task` takes it too."""

    def __init__(
        self,
        submit: Callable[[], Coroutine[Any, Any, list[str]]],
        run: Callable[[], AsyncIterator[RunRecord]],
    ) -> None:
        self._submit, self._run = submit, run
        self._coroutine: Coroutine[Any, Any, list[str]] | None = None

    def __aiter__(self) -> AsyncIterator[RunRecord]:
        return self._run()

    def __await__(self) -> Generator[Any, Any, list[str]]:
        return self._started().__await__()

    def send(self, value: Any) -> Any:
        """Go on, as a task does with a coroutine."""
        return self._started().send(value)

    def throw(self, kind: Any, value: BaseException | object = None, trace: TracebackType | None = None, /) -> Any:
        """Go on with an error, as a task does that is cancelled."""
        return self._started().throw(kind) if value is None else self._started().throw(kind, value, trace)

    def close(self) -> None:
        """End early."""
        if self._coroutine is not None:
            self._coroutine.close()

    def _started(self) -> Coroutine[Any, Any, list[str]]:
        if self._coroutine is None:
            self._coroutine = self._submit()
        return self._coroutine
