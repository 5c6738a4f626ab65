"""The configured models and task classes, as read from models.yaml."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ..config.yaml_file import Misplaced, load_yaml, misplaced
from ..vocabulary.frozen import Frozen
from ..vocabulary.job import Name
from ..vocabulary.lanes import ALIAS
from ..vocabulary.model import Model
from ..vocabulary.views import KnownNames
from .strategies.registry import DEFAULT, StrategyMistake, StrategySpecs, build_steps, check_models
from .task_class import ClassifierOptions, TaskClassRules, lacking_examples

NO_FILE = "`pointsman init` writes one; if it stands elsewhere, set POINTSMAN_MODELS_FILE or pass --models"

KEY_HINT = (
    "a key does not belong in this file: put it into an environment variable, "
    "and give that variable's name in api_key_env, e.g. api_key_env: OPENAI_API_KEY"
)
MEANT = {"api_key": KEY_HINT, "key": KEY_HINT, "apikey": KEY_HINT, "token": KEY_HINT}
"""What to say to those who write an API key into models.yaml."""


GROUPS = ("models", "task_classes", "aliases")
"""The parts of the file whose entries have names."""


class Route(Frozen):
    """Candidate models in order of preference, the strategies that choose among them, measured quality by model."""

    name: Name
    models: tuple[Name, ...] = Field(min_length=1)
    strategy: StrategySpecs = DEFAULT
    quality: dict[Name, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)

    @property
    def max_cost_usd(self) -> float | None:
        """The strategies' ceiling on the cost of one call, which no wait can change."""
        ceilings = [spec.options.get("max_cost_usd") for spec in self.strategy]
        return min((usd for usd in ceilings if usd is not None), default=None)


class Alias(Route):
    """A named group of models, which a job may name in place of a model."""


class TaskClass(TaskClassRules, Route):
    """A kind of work, and the rules and examples by which it is recognised."""

    on_content_filtered: Literal["fail", "other_vendor"] = "fail"
    formerly: tuple[Name, ...] = ()


class Catalog(Frozen):
    """All models and task classes, by name, and the class of a job that says nothing about its class."""

    models: dict[Name, Model] = Field(min_length=1)
    task_classes: dict[Name, TaskClass] = Field(min_length=1)
    default_class: Name
    aliases: dict[Name, Alias] = Field(default_factory=dict)
    classifier: ClassifierOptions = ClassifierOptions()

    @model_validator(mode="before")
    @classmethod
    def _names_from_keys(cls, data: object) -> object:
        """Give each model and task class the name of its key in the file."""
        if not isinstance(data, Mapping):
            return data
        named = dict(data)
        for group in GROUPS:
            entries = named.get(group)
            if isinstance(entries, Mapping):
                named[group] = {key: _entry(group, key, value) for key, value in entries.items()}
        return named

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = {group: getattr(self, group) for group in GROUPS} | {"default_class": self.default_class}
        found = [*_unknown_names(names), *self._odd_names(), *self._odd_former_names(), *self._odd_strategies()]
        lacking = lacking_examples(self.task_classes)
        found += ((("task_classes", name, field), mistake) for name, field, mistake in lacking)
        if found:
            raise misplaced(found)
        return self

    def _odd_names(self) -> Iterator[Misplaced]:
        for group in GROUPS:
            for key, entry in getattr(self, group).items():
                if entry.name != key:
                    yield (group, key, "name"), f"the name is the key, {key!r}; leave this field out"
                if group == "aliases" and key in self.models:
                    yield (group, key), f"a model is called {key!r} already"

    def _odd_former_names(self) -> Iterator[Misplaced]:
        taken = dict.fromkeys(self.task_classes, "a class")
        for key, task_class in self.task_classes.items():
            for at, name in enumerate(task_class.formerly):
                if name in taken:
                    yield ("task_classes", key, "formerly", at), f"{taken[name]} is called {name!r} already"
                taken[name] = f"formerly the class {key!r}, which"

    def _odd_strategies(self) -> Iterator[Misplaced]:
        classes: list[tuple[str, Route]] = [("task_classes", route) for route in self.task_classes.values()]
        for group, route in (*classes, *(("aliases", route) for route in self.aliases.values())):
            try:
                build_steps(route.strategy)
                check_models(route.strategy, route.models)
            except StrategyMistake as error:
                yield (group, route.name, "strategy", *error.location), error.mistake

    @property
    def version(self) -> str:
        """A short hash of the whole configuration: the same file gives the same version on every host."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    @property
    def names(self) -> KnownNames:
        """All that a job may name."""
        return KnownNames(
            models=tuple(self.models),
            aliases=tuple(self.aliases),
            task_classes=(*self.task_classes, *self.former_classes),
        )

    @cached_property
    def former_classes(self) -> Mapping[str, str]:
        """What classes were called before, and are called now."""
        return {name: now.name for now in self.task_classes.values() for name in now.formerly}

    def current_class(self, name: str) -> str:
        """Return what a class is called now, the same where nothing is known of the name."""
        return self.former_classes.get(name, name)

    def route(self, work: str) -> Route | None:
        """Return what the work of a lane names: a task class, an alias, or neither."""
        if work.startswith(ALIAS):
            return self.aliases.get(work.removeprefix(ALIAS))
        return self.task_classes.get(work)

    def candidates(self, *, task_class: str | None, named: str | None) -> tuple[Name, ...]:
        """Return the models that may take a job: the model or alias it names, else its class, in order."""
        if named is not None:
            return self.aliases[named].models if named in self.aliases else (named,)
        return self.task_classes[task_class].models if task_class in self.task_classes else ()


def _entry(group: str, key: object, value: object) -> object:
    if group == "aliases" and isinstance(value, list | tuple):
        return {"name": key, "models": value}
    return {"name": key, **value} if isinstance(value, Mapping) else value


def _unknown_names(data: Mapping[Any, Any]) -> Iterator[Misplaced]:
    """Yield each name of a model or class that there is not, in a catalog or in what was to become one."""
    models, classes = (_mapping(data.get(group)) for group in ("models", "task_classes"))
    if (default := data.get("default_class")) is not None and default not in classes:
        yield ("default_class",), _nothing_called("task class", default, classes)
    for group in ("task_classes", "aliases"):
        for key, route in _mapping(data.get(group)).items():
            fields = _mapping(route) if isinstance(route, Mapping) else {"models": route}
            fields = (
                {name: getattr(route, name) for name in ("models", "quality")}
                if isinstance(route, Route)
                else fields
            )
            named = fields.get("models")
            places = [
                ("models", at, name) for at, name in enumerate(named if isinstance(named, list | tuple) else ())
            ]
            places += [("quality", name, name) for name in _mapping(fields.get("quality"))]
            for field, at, name in places:
                if name not in models:
                    yield (group, key, field, at), _nothing_called("model", name, models)


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _nothing_called(what: str, name: object, known: Iterable[object]) -> str:
    return f"no {what} is called {name!r} (there are: {', '.join(sorted(map(str, known)))})"


def load_catalog(path: Path) -> Catalog:
    """Read models.yaml.

    Raises ConfigError with file, line and field when the file is missing, is not YAML, or says something wrong.
    """
    return load_yaml(path, Catalog, missing=NO_FILE, unknown=MEANT, between=_unknown_names)
