"""Files in a folder that several API processes may share: uploads, and what batches write.

`upload` is imported by its own name: what it needs is not there where only the client is installed.
"""

from .folder import FileFolder
from .partial_file import PartialFile, unwritable
from .stored import Purpose, StoredFile, UnknownFile, new_file_id

__all__ = [
    "FileFolder",
    "PartialFile",
    "Purpose",
    "StoredFile",
    "UnknownFile",
    "new_file_id",
    "unwritable",
]
