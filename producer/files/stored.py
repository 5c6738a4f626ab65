"""What is known of one file; its content stands beside it in the folder.

UnknownFile   no file has this id
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pointsman.router.vocabulary.errors import PointsmanError
from pointsman.router.vocabulary.frozen import Frozen
from pointsman.router.vocabulary.job import new_job_id

FILE_ID = re.compile(r"file-[0-9a-f]{24}")
"""What names a file on disk: never a name that a caller gave."""

Purpose = Literal["assistants", "batch", "batch_output", "fine-tune", "vision", "user_data", "evals"]


class UnknownFile(PointsmanError):
    """Raised when no file has this id: it was never uploaded, was deleted, or has expired."""

    def __init__(self, file_id: str) -> None:
        self.file_id = file_id
        super().__init__(f"No such File object: {file_id[:100]}")


class StoredFile(Frozen):
    """One file; `filename` is what its caller called it, and only data. Times are Unix seconds."""

    id: str
    tenant: str
    filename: str
    purpose: Purpose
    size: int
    created: int
    expires: int | None = None

    def view(self) -> dict[str, Any]:
        """Return it in OpenAI's shape."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.size,
            "created_at": self.created,
            "expires_at": self.expires,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }


def new_file_id() -> str:
    """Return a fresh id that sorts by the time it was made."""
    return f"file-{new_job_id()}"
