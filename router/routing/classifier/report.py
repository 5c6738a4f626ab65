"""How well a classification does on labelled prompts: accuracy, macro-F1, and what is taken for what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class ClassificationReport:
    """Counts of (true class, found class)."""

    confusion: Counter[tuple[str, str]]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> ClassificationReport:
        """Return the report of (true class, found class) pairs."""
        return cls(Counter(pairs))

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class that was true or found, in alphabetical order."""
        return tuple(sorted({name for pair in self.confusion for name in pair}))

    @property
    def accuracy(self) -> float:
        """The share of prompts that got their own class."""
        return sum(self.confusion[name, name] for name in self.classes) / max(self.confusion.total(), 1)

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the classes that are true of some prompt."""
        true = {label for label, _ in self.confusion}
        return sum(map(self.f1, true)) / max(len(true), 1)

    def f1(self, name: str) -> float:
        """Return the harmonic mean of a class's precision and recall."""
        labelled = sum(count for (label, _), count in self.confusion.items() if label == name)
        found = sum(count for (_, answer), count in self.confusion.items() if answer == name)
        return 2 * self.confusion[name, name] / max(labelled + found, 1)
