"""What the API's document says of answers and bodies in the shapes of vendors.

The answers are written and the bodies read in `pointsman.producer.vendor_apis`; a test compares.
"""

from .anthropic import AnsweredMessage
from .batches import Batch, BatchList
from .bodies import CHAT_BODY, COUNT_BODY, MESSAGE_BODY, RESPONSE_BODY
from .errors import ANTHROPIC_ERROR, OPENAI_ERROR, OUR_ERROR, error_schemas
from .files import DeletedFile, File, FileList
from .openai import Completion, DeletedResponse, ItemList, Response

__all__ = [
    "ANTHROPIC_ERROR",
    "CHAT_BODY",
    "COUNT_BODY",
    "MESSAGE_BODY",
    "OPENAI_ERROR",
    "OUR_ERROR",
    "RESPONSE_BODY",
    "AnsweredMessage",
    "Batch",
    "BatchList",
    "Completion",
    "DeletedFile",
    "DeletedResponse",
    "File",
    "FileList",
    "ItemList",
    "Response",
    "error_schemas",
]
