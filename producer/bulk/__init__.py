"""Many jobs from a file of lines: run to the end, also over interruptions, with results in the file's order."""

from .batch import batch_steps, cancel_batch
from .options import BatchFields, Input
from .summary import BatchSummary, ModelShare

__all__ = ["BatchFields", "BatchSummary", "Input", "ModelShare", "batch_steps", "cancel_batch"]
