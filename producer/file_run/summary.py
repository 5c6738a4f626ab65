"""What became of a whole run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..client.progress import Tally
from .options import Files


@dataclass(frozen=True)
class ModelShare:
    """What one model answered, and what that cost where its price is known."""

    jobs: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True)
class BatchSummary:
    """The end of a run. `errors` is None where every line has its answer; `resumed` had ended before it began."""

    total: int
    succeeded: int
    failed: int
    resumed: int
    cost_usd: float
    seconds: float
    models: Mapping[str, ModelShare]
    output: Path
    errors: Path | None


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
