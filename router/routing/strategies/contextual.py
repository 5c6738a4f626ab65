"""contextual: the first rule that fits the job's context says which models may take it.

A rule is a mapping of a field to what it must be: a value (equality), a list of values (membership), a range
(`{min: 1, max: 5}`, both ends included) or a regular expression (`{regex: "^de"}`, searched). All must fit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from ...vocabulary.facts import JobFacts
from ...vocabulary.frozen import Frozen
from .contract import Ask, Choice, Strategy

Scalar = str | bool | int | float


class Range(Frozen):
    """From `min` to `max`, both included; one of them may be left out."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a range needs min or max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self

    def fits(self, value: Any) -> bool:
        """Whether a number lies inside."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


class Regex(Frozen):
    """A regular expression that is searched in the value."""

    regex: str = Field(min_length=1, max_length=500)

    @field_validator("regex")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    def fits(self, value: Any) -> bool:
        """Whether the pattern is found."""
        return isinstance(value, str) and _compiled(self.regex).search(value) is not None


def _kind(given: Any) -> str:
    """Say which kind of condition is meant, so that a mistake in it is reported as one of that kind."""
    if isinstance(given, Regex) or (isinstance(given, Mapping) and "regex" in given):
        return "[regex]"
    if isinstance(given, Range | Mapping):
        return "[range]"
    return "[many]" if isinstance(given, list | tuple) else "[one]"


Condition = Annotated[
    Annotated[Range, Tag("[range]")]
    | Annotated[Regex, Tag("[regex]")]
    | Annotated[tuple[Scalar, ...], Tag("[many]")]
    | Annotated[Scalar, Tag("[one]")],
    Discriminator(_kind),
]


class ContextRule(Frozen):
    """`when` must fit for `use`, the models, to be the ones that may take the job."""

    when: dict[str, Condition] = Field(min_length=1)
    use: tuple[str, ...] = Field(min_length=1)


class ContextualOptions(Frozen):
    """The rules, in order."""

    rules: tuple[ContextRule, ...] = Field(min_length=1)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def choose(ask: Ask, options: ContextualOptions) -> Choice:
    """Narrow to the models of the first rule that fits and has a healthy one; all of them where none does."""
    names = [state.model.name for state in ask.candidates]
    away = ""
    for number, rule in enumerate(options.rules, 1):
        if not _fits(rule, ask.job):
            continue
        chosen = tuple(name for name in rule.use if name in names)
        if chosen:
            left = {name: f"not in rule {number}" for name in names if name not in chosen}
            return Choice(chosen, f"rule {number}: {_words(rule)}{away}", ruled_out=left)
        away += f", since none of rule {number}'s models is there"
    return Choice(tuple(names), f"no rule fits{away}")


def _fits(rule: ContextRule, job: JobFacts) -> bool:
    return all(_field_fits(wanted, _value(job, name)) for name, wanted in rule.when.items())


def _value(job: JobFacts, name: str) -> Any:
    return job.tokens if name == "tokens" else job.context.get(name)


def _field_fits(wanted: Any, value: Any) -> bool:
    if isinstance(value, list):  # tags: one of them has to fit
        return any(_field_fits(wanted, one) for one in value)
    if isinstance(wanted, Range | Regex):
        return wanted.fits(value)
    return value in wanted if isinstance(wanted, tuple) else bool(value == wanted)


def _words(rule: ContextRule) -> str:
    return ", ".join(f"{name} {_condition(wanted)}" for name, wanted in rule.when.items())


def _condition(wanted: Any) -> str:
    if isinstance(wanted, Range):
        bounds = (("from", wanted.min), ("to", wanted.max))
        return " ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)
    if isinstance(wanted, Regex):
        return f"fits /{wanted.regex}/"
    return f"in {list(wanted)}" if isinstance(wanted, tuple) else f"is {wanted}"


STRATEGY = Strategy("contextual", choose, ContextualOptions, static=True, narrows=True)
