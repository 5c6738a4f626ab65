"""Writes the output and the error file of a batch, in the order of its input, and sums up what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from pointsman.router.vocabulary.batch import BatchRecord
from pointsman.router.vocabulary.job import JobRecord

from ..files import FileFolder, PartialFile, StoredFile
from .end import LineResult


class Writing:
    """The two files of one batch while they are written. Everything here blocks."""

    def __init__(self, folder: FileFolder, batch: BatchRecord) -> None:
        self._batch = batch
        self._output, self._error = folder.begin(batch.tenant), folder.begin(batch.tenant)
        self.completed = self.failed = self.expired = 0
        self.models: dict[str, dict[str, Any]] = {}

    def add(self, line_results: Sequence[LineResult], jobs: Sequence[JobRecord | None]) -> None:
        """Write how lines ended."""
        for line_result in line_results:
            (self._output if line_result.answered else self._error).write(to_json(line_result.data) + b"\n")
            self.completed += line_result.answered
            self.failed += not line_result.answered
            self.expired += line_result.expired
        for job in jobs:
            if job is not None and job.result is not None:
                self._sum(job)

    def _sum(self, job: JobRecord) -> None:
        result = job.result
        if result is None:
            return
        usage = result.answer.usage
        of_model = self.models.setdefault(
            result.model,
            {"requests": 0, "input_tokens": 0, "cached_tokens": 0, "output_tokens": 0, "cost_usd": 0.0},
        )
        of_model["requests"] += 1
        of_model["input_tokens"] += usage.input_tokens
        of_model["cached_tokens"] += usage.cached_tokens
        of_model["output_tokens"] += usage.output_tokens
        of_model["cost_usd"] = None if result.cost_usd is None else (of_model["cost_usd"] or 0.0) + result.cost_usd

    def keep(self, *, now: float) -> tuple[str, str]:
        """Put the files that have lines in their places; returns their ids, empty where there is none."""
        batch = self._batch
        output = self._keep(self._output, self.completed, batch.output_file_id, "output", now)
        error = self._keep(self._error, self.failed, batch.error_file_id, "error", now)
        return output, error

    def _keep(self, file: PartialFile, lines: int, file_id: str, name: str, now: float) -> str:
        if lines == 0:
            file.drop()
            return ""
        file.keep(
            StoredFile(
                id=file_id,
                tenant=self._batch.tenant,
                filename=f"{self._batch.id}_{name}.jsonl",
                purpose="batch_output",
                size=file.size,
                created=int(now),
                expires=int(now + self._batch.output_seconds),
            )
        )
        return file_id

    def drop(self) -> None:
        """Throw away what was not kept."""
        self._output.drop()
        self._error.drop()
