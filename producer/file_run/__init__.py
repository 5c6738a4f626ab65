"""Many jobs from a file of lines: run to the end, also over interruptions, with results in the file's order."""

from .commands import batch_steps, cancel_batch, estimate_batch
from .estimate import Estimate, ModelEstimate, Totals
from .options import BatchFields, Input
from .summary import BatchSummary, ModelShare

__all__ = [
    "BatchFields",
    "BatchSummary",
    "Estimate",
    "Input",
    "ModelEstimate",
    "ModelShare",
    "Totals",
    "batch_steps",
    "cancel_batch",
    "estimate_batch",
]
