"""Files in OpenAI's shape."""

from __future__ import annotations

from typing import Literal

from pointsman.router.vocabulary.frozen import Frozen

from ....files import Purpose


class File(Frozen):
    """One file; times are Unix seconds."""

    id: str
    object: Literal["file"]
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: Purpose
    status: Literal["processed"]
    status_details: None


class FileList(Frozen):
    """One page of files."""

    object: Literal["list"]
    data: list[File]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedFile(Frozen):
    """That a file is gone."""

    id: str
    object: Literal["file"]
    deleted: Literal[True]
