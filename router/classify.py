"""Finds the task class of a job that does not name one: keywords in the configuration's order, else the default."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .catalog import Catalog
from .chat import ChatRequest, TextPart

CHARACTERS_READ = 20_000
"""How much of a prompt is looked at: what a text is about shows early, and a huge one must not hold up others."""


@dataclass(frozen=True)
class Classified:
    """A task class, and the step that decided: `explicit`, `keyword` or `default`."""

    task_class: str
    step: str


def classify(chat: ChatRequest, catalog: Catalog) -> Classified:
    """Return the first class one of whose keywords stands in the user's words, else the default class."""
    words = user_words(chat)
    for task_class in catalog.task_classes.values():
        for keyword in task_class.keywords:
            if re.search(rf"\b{re.escape(keyword)}\b", words, re.IGNORECASE):
                return Classified(task_class.name, f"keyword {keyword!r}")
    return Classified(catalog.default_class, "default")


def user_words(chat: ChatRequest) -> str:
    """Return all text of the user's messages."""
    texts = []
    for message in chat.messages:
        if message.role != "user":
            continue
        if isinstance(message.content, str):
            texts.append(message.content)
        else:
            texts += [part.text for part in message.content or () if isinstance(part, TextPart)]
    return "\n".join(texts)[:CHARACTERS_READ]
