"""What Anthropic's API means in our terms, and what ours means in theirs. Pure: no network, no Redis, no files.

What both vendors have alike (a model, an alias, a class or `auto`; the `pointsman` object; refusals) is that of
`pointsman.producer.vendor_apis.openai`.
"""

from .errors import error_reply
from .messages import message, read_message
from .parameters import MESSAGES, VERSIONS
from .stream import EventWriter

__all__ = ["MESSAGES", "VERSIONS", "EventWriter", "error_reply", "message", "read_message"]
