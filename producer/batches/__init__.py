"""Batches: what a line of a file means, and the duty that brings a batch to its end."""

from .duty import BatchDuty
from .results import results
from .view import view

__all__ = ["BatchDuty", "results", "view"]
