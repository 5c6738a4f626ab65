"""What OpenAI's API means in our terms, and what ours means in theirs. Pure: no network, no Redis, no files."""

from .asking import Asked
from .chat import completion, read_chat
from .errors import Fault, Refused, fault_of
from .parameters import CHAT, RESPONSES, Parameters
from .responses import read_response, response

__all__ = [
    "CHAT",
    "RESPONSES",
    "Asked",
    "Fault",
    "Parameters",
    "Refused",
    "completion",
    "fault_of",
    "read_chat",
    "read_response",
    "response",
]
