"""Finds the task class of a job: the caller names it, or rules do, or the likeness of its text, or the default."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ..vocabulary.chat import ChatRequest, TextPart
from ..vocabulary.extras import require
from .catalog import Catalog
from .task_class import TaskClassRules

EXPLICIT, EXAMPLES, DEFAULT = "explicit", "examples", "default"

CHARACTERS_READ = 20_000
"""How much of a prompt is looked at: what a text is about shows early, and a huge one must not hold up others."""


@dataclass(frozen=True)
class Classified:
    """A task class and the step that decided: `explicit`, `keyword '...'`, `rule '...'`, `examples` or `default`.

    Where the classifier of texts was asked, `confidence` (0 to 1) and `runner_up` are of its ranking, also when it
    was too unsure and the default class came of it; `likeliest` is the class it would have named.
    """

    task_class: str
    step: str
    confidence: float | None = None
    likeliest: str | None = None
    runner_up: str | None = None

    @property
    def words(self) -> str:
        """The step with the confidence, as the job's record keeps it."""
        if self.confidence is None:
            return self.step
        if self.step == EXAMPLES:
            return f"{self.step} ({self.confidence:.2f})"
        return f"{self.step} (examples unsure: {self.likeliest} {self.confidence:.2f})"


@dataclass(frozen=True)
class _Rule:
    """A pattern that tells a class; `literal` is looked for first, which makes long prompts without it cheap."""

    task_class: str
    step: str
    pattern: re.Pattern[str]
    literal: str = ""

    def matches(self, text: str, lowered: str) -> bool:
        """Return whether the pattern stands in the text, which is given in lower case too."""
        return self.literal in lowered and self.pattern.search(text) is not None


class Ranks(Protocol):
    """What tells classes by the text of a prompt."""

    def rank(self, prompt: str) -> list[tuple[str, float]]:
        """Return each class with its probability, the likeliest first."""


class Classifier:
    """Classifies jobs as a catalog says; making one fits the classifier of texts, where classes give examples."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._rules = [rule for task_class in catalog.task_classes.values() for rule in _rules(task_class)]
        self._texts = _fitted(catalog)

    def classify(self, chat: ChatRequest, *, explicit: str | None = None) -> Classified:
        """Return the class of a request; `explicit` is the class its caller named, if it did."""
        return Classified(explicit, EXPLICIT) if explicit is not None else self.classify_text(user_words(chat))

    def classify_text(self, text: str) -> Classified:
        """Return the class of what a user wrote: the first rule that matches, else the likeliest class if sure."""
        lowered = text.lower()
        for rule in self._rules:
            if rule.matches(text, lowered):
                return Classified(rule.task_class, rule.step)
        if self._texts is None:
            return Classified(self._catalog.default_class, DEFAULT)
        (likeliest, confidence), (runner_up, _), *_ = self._texts.rank(text)
        if confidence < self._catalog.classifier.threshold:
            return Classified(self._catalog.default_class, DEFAULT, confidence, likeliest, runner_up)
        return Classified(likeliest, EXAMPLES, confidence, likeliest, runner_up)


_kept: dict[str, Classifier] = {}


def classifier_of(catalog: Catalog) -> Classifier:
    """Return the classifier of a catalog, made when it is first asked for and kept for this version alone."""
    version = catalog.version
    if version not in _kept:
        classifier = Classifier(catalog)
        _kept.clear()
        _kept[version] = classifier
    return _kept[version]


def check_classifier(catalog: Catalog) -> None:
    """Raise ConfigError where a class has examples and nothing is installed that could learn from them."""
    for name in _examples(catalog):
        require("classifier", what=f"the task class {name}, which has examples,")


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


def _rules(task_class: TaskClassRules) -> Iterator[_Rule]:
    """Yield a class's keywords, which stand for whole words, then its rules; case never matters."""
    for keyword in task_class.keywords:
        pattern = re.compile(rf"(?<!\w){re.escape(keyword)}(?!\w)", re.IGNORECASE)
        yield _Rule(task_class.name, f"keyword {keyword!r}", pattern, keyword.lower())
    for rule in task_class.rules:
        yield _Rule(task_class.name, f"rule {rule!r}", re.compile(rule, re.IGNORECASE))


def _examples(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    return {name: prompts for name, task_class in catalog.task_classes.items() if (prompts := task_class.prompts())}


def _fitted(catalog: Catalog) -> Ranks | None:
    examples = _examples(catalog)
    if not examples:
        return None
    check_classifier(catalog)
    from .classifier.text import TextClassifier  # noqa: PLC0415 # scikit-learn takes a second: only where it is used

    return TextClassifier(examples)
