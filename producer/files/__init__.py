"""Files in a folder that several API processes may share: uploads, and what batches write."""

from .folder import FileFolder
from .partial_file import PartialFile
from .stored import Purpose, StoredFile, UnknownFile, new_file_id
from .upload import TooLarge, Upload, boundary_of

__all__ = [
    "FileFolder",
    "PartialFile",
    "Purpose",
    "StoredFile",
    "TooLarge",
    "UnknownFile",
    "Upload",
    "boundary_of",
    "new_file_id",
]
