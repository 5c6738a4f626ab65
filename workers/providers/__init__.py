"""The wire formats of the vendors, by the name that models.yaml uses."""

from __future__ import annotations

from collections.abc import Mapping

from .anthropic import AnthropicMessages
from .gemini import GeminiGenerateContent
from .openai import OpenAIChat
from .streamed import StreamedReply
from .wire import CALL_ID, WireError, WireFormat, WireRequest, named

FORMATS: Mapping[str, WireFormat] = {
    "openai": OpenAIChat(),
    "anthropic": AnthropicMessages(),
    "gemini": GeminiGenerateContent(),
}

__all__ = ["CALL_ID", "FORMATS", "StreamedReply", "WireError", "WireFormat", "WireRequest", "named"]
