"""Counts what became of the lines of a run, model by model."""

from __future__ import annotations

from ..progress import Tally
from .options import Files
from .summary import BatchSummary, ModelShare


class RunTally(Tally):
    """The counts of a run; what an earlier run had done counts, but for the rate."""

    def __init__(self) -> None:
        super().__init__()
        self.resumed = 0
        self._models: dict[str, ModelShare] = {}

    def count(self, *, succeeded: bool, model: str, cost_usd: float | None, earlier: bool = False) -> None:
        """Count a line that has ended."""
        self.add(succeeded=succeeded, cost_usd=cost_usd)
        if earlier:
            self.resumed += 1
            self.submitted += 1
        if succeeded:
            before = self._models.get(model, ModelShare())
            self._models[model] = ModelShare(before.jobs + 1, before.cost_usd + (cost_usd or 0.0))

    def summary(self, files: Files) -> BatchSummary:
        """Return the end of the run."""
        return BatchSummary(
            total=self.succeeded + self.failed,
            succeeded=self.succeeded,
            failed=self.failed,
            resumed=self.resumed,
            cost_usd=self.cost_usd,
            seconds=self.progress().seconds,
            models=self._models,
            output=files.output,
            errors=files.errors if self.failed else None,
        )
