"""What the demo knows at one moment: its jobs, its models, and what has happened so far."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pointsman.router.vocabulary.job import JobRecord
from pointsman.router.vocabulary.views import ModelView

from .news import changes

ON_TIME_SECONDS = 300.0
"""How long all of the demo's jobs may take."""


@dataclass(frozen=True)
class News:
    """Something that happened, at a second of the demo's clock."""

    second: float
    words: str


class Scene:
    """Grows while the demo runs; `on_news` is called with each piece of news as it comes.

    Jobs are known by their number, from 1, in the order in which they were submitted.
    """

    def __init__(self, total: int, models: Sequence[str], on_news: Callable[[News], None]) -> None:
        self.total, self.models = total, tuple(models)
        self.ids: list[str] = []
        self.records: list[JobRecord] = []
        self.views: list[ModelView] = []
        self.news: list[News] = []
        self._on_news = on_news
        self._began = time.monotonic()
        self._looked = asyncio.Event()

    def begin(self) -> None:
        """Set the clock to 0."""
        self._began = time.monotonic()

    @property
    def second(self) -> float:
        """The seconds since the beginning."""
        return time.monotonic() - self._began

    @property
    def idle(self) -> bool:
        """Whether every job that was submitted has ended."""
        return len(self.records) == len(self.ids) and all(record.done for record in self.records)

    @property
    def over(self) -> bool:
        """Whether all jobs were submitted, and have ended."""
        return len(self.ids) == self.total and self.idle

    def add_news(self, words: str) -> None:
        """Add a piece of news."""
        self.news.append(News(self.second, words))
        self._on_news(self.news[-1])

    def look(self, records: Sequence[JobRecord], views: Sequence[ModelView]) -> None:
        """Take what jobs and models look like now, and add what changed to the news."""
        for words in changes(self.records, records, self.views, views):
            self.add_news(words)
        self.records, self.views = list(records), list(views)
        self._looked.set()
        self._looked = asyncio.Event()

    async def until(self, check: Callable[[], bool], *, seconds: float = ON_TIME_SECONDS) -> bool:
        """Return once the check holds after a look, or the time is over; says which it was."""
        end = time.monotonic() + seconds
        while not check():
            if time.monotonic() > end:
                return False
            await self._looked.wait()
        return True

    async def looked_anew(self) -> None:
        """Return after a look that began after this call."""
        for _ in range(2):  # the first may be under way already
            await self._looked.wait()

    def running_at(self, model: str) -> list[int]:
        """Return the numbers of the jobs whose call is in flight at a model."""
        return [
            number
            for number, record in enumerate(self.records, 1)
            if record.state == "running" and record.model == model
        ]
