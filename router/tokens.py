"""Estimates how many tokens a request will cost before it is sent, for the tokens-per-minute limits."""

from __future__ import annotations

from .chat import ChatRequest, ImagePart, Message

CHARACTERS_PER_TOKEN = 4  # the vendors' own rule of thumb for English text
TOKENS_PER_IMAGE = 800  # between a low-detail image (85) and a large one (about 1 600)
TOKENS_PER_MESSAGE = 4  # role and separators
OUTPUT_UNLESS_SAID = 512
MOST_TOKENS = 1_000_000_000  # beyond it a sum could lose its last digits in Lua


def estimate_tokens(chat: ChatRequest) -> int:
    """Return input plus expected output tokens; corrected to the real usage once the call is settled."""
    return min(MOST_TOKENS, input_tokens(chat) + output_tokens(chat))


def input_tokens(chat: ChatRequest) -> int:
    """Return the estimated tokens of the messages and tools."""
    tools = sum(len(tool.model_dump_json()) for tool in chat.tools) // CHARACTERS_PER_TOKEN
    return min(MOST_TOKENS, sum(map(_message, chat.messages)) + tools)


def output_tokens(chat: ChatRequest) -> int:
    """Return the most tokens the answer may have where the request says it, else a usual number."""
    return chat.max_tokens or OUTPUT_UNLESS_SAID


def _message(message: Message) -> int:
    if isinstance(message.content, str):
        return TOKENS_PER_MESSAGE + len(message.content) // CHARACTERS_PER_TOKEN
    tokens = TOKENS_PER_MESSAGE
    for part in message.content or ():
        tokens += TOKENS_PER_IMAGE if isinstance(part, ImagePart) else len(part.text) // CHARACTERS_PER_TOKEN
    return tokens
