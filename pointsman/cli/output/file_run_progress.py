"""Shows how far a run is: a live view on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from pointsman.producer.client.progress import Progress
from pointsman.router.vocabulary.errors import PointsmanError
from pointsman.router.vocabulary.views import ModelView

from ... import Client
from .file_run import live_view, plain_words

LOOK_SECONDS = 1.5
LINE_SECONDS = 10.0
"""Between two lines where there is no terminal, as in a log."""


class ModelPoller:
    """Looks at the models now and then, on a thread of its own, so that a slow answer holds nothing up."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stopped = threading.Event()
        self.views: Sequence[ModelView] = ()
        self._thread = threading.Thread(target=self._look, name="pointsman-models", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stopped.is_set():
            try:
                self.views = self._client.models()
            except (
                PointsmanError,
                RuntimeError,
            ):  # the run itself says that nobody is there
                self.views = ()
            self._stopped.wait(LOOK_SECONDS)

    def close(self) -> None:
        """Look no more."""
        self._stopped.set()


class Shown:
    """Gets the progress and shows it; `last` is the last that it got."""

    def __init__(self, name: str, models: ModelPoller | None, live: Live | None) -> None:
        self.last: Progress | None = None
        self._name, self._models, self._live = name, models, live
        self._next = time.monotonic() + LINE_SECONDS

    def update(self, progress: Progress) -> None:
        """Show the progress, if it is time."""
        self.last = progress
        if self._models is None:
            return
        if self._live is not None:
            self._live.update(live_view(self._name, progress, self._models.views))
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_SECONDS
            sys.stderr.write(plain_words(progress, self._models.views) + "\n")
            sys.stderr.flush()

    def close(self) -> None:
        """Show no more, and leave the terminal as it was."""
        if self._models is not None:
            self._models.close()
        if self._live is not None:
            self._live.stop()


@contextmanager
def showing(name: str, client: Client, *, quiet: bool) -> Iterator[Shown]:
    """Yield what shows the progress of a run until the end of the block."""
    live = None
    if not quiet and sys.stderr.isatty():
        live = Live(console=Console(stderr=True), transient=True, refresh_per_second=4)
        live.start()
    shown = Shown(name, None if quiet else ModelPoller(client), live)
    try:
        yield shown
    finally:
        shown.close()
