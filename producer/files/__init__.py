"""Files in a folder that several API processes may share: uploads, and what batches write."""

from .folder import FileFolder
from .incoming import Incoming
from .stored import Purpose, StoredFile, UnknownFile, new_file_id
from .upload import TooLarge, Upload, boundary_of

__all__ = [
    "FileFolder",
    "Incoming",
    "Purpose",
    "StoredFile",
    "TooLarge",
    "UnknownFile",
    "Upload",
    "boundary_of",
    "new_file_id",
]
