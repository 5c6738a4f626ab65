"""The files a batch reads: held under names of its own, so that nobody can delete them under it."""

from __future__ import annotations

from pathlib import Path

from pointsman.router.vocabulary.batch import BatchRecord

from ..files import FileFolder, StoredFile

INPUT, WANTED = ".input", ".wanted"


def hold(folder: FileFolder, batch_id: str, given: StoredFile, wanted: StoredFile | None) -> None:
    """Hold the input of a batch, and the error file of the batch that it retries; raises UnknownFile."""
    folder.hold(given, batch_id + INPUT)
    if wanted is not None:
        folder.hold(wanted, batch_id + WANTED)


def release_files(folder: FileFolder, tenant: str, batch_id: str) -> None:
    """Hold them no more."""
    for ending in (INPUT, WANTED):
        folder.held(tenant, batch_id + ending).unlink(missing_ok=True)


def input_path(folder: FileFolder, batch: BatchRecord) -> Path:
    """Return where the input is."""
    return folder.held(batch.tenant, batch.id + INPUT)


def wanted_path(folder: FileFolder, batch: BatchRecord) -> Path:
    """Return where the error file of the batch is that this one retries."""
    return folder.held(batch.tenant, batch.id + WANTED)
