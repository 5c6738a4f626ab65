"""What OpenAI's API means in our terms, and what ours means in theirs. Pure: no network, no Redis, no files."""

from ..faults import Fault, Refused, fault_of
from ..parameters import CHAT, RESPONSES, Parameters
from ..request import AUTO, JobRequest
from .background import background_response, read_background, to_repeat
from .chat import completion, read_chat
from .input_items import input_items, page_of
from .responses import read_response, response
from .stream import ChunkWriter
from .windows import window_seconds

__all__ = [
    "AUTO",
    "CHAT",
    "RESPONSES",
    "ChunkWriter",
    "Fault",
    "JobRequest",
    "Parameters",
    "Refused",
    "background_response",
    "completion",
    "fault_of",
    "input_items",
    "page_of",
    "read_background",
    "read_chat",
    "read_response",
    "response",
    "to_repeat",
    "window_seconds",
]
