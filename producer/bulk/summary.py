"""What became of a whole run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


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
