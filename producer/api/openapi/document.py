"""Completes what the API says of itself in /openapi.json: every error, and the names that a job may give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI

from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.strategies import StrategySpec, build_steps, strategy_names
from pointsman.router.routing.strategies.registry import StrategyMistake
from pointsman.router.vocabulary.errors import ErrorKind

from ...vendor_apis.anthropic.errors import STATUSES
from ...vendor_apis.faults import FAULTS
from ..failures import ANTHROPIC_PATHS, OPENAI_PATHS
from .shapes import ANTHROPIC_ERROR, OPENAI_ERROR, OUR_ERROR, error_schemas
from .shapes.bodies import REF

WHY = {
    "400": "The request is not valid.",
    "401": "No known API key.",
    "404": "There is no such thing, or it is another tenant's.",
    "409": "Another request came under the same idempotency key or id.",
    "413": "The body is too large.",
    "422": "The request is not valid.",
    "503": "Redis is away or refuses writes; `Retry-After` says when to come again.",
}
FASTAPIS = ("HTTPValidationError", "ValidationError")
"""Schemas of errors that are never answered here."""


def complete(app: FastAPI, catalog: Catalog) -> None:
    """Let the app's document tell of all this; `app.state.catalog` may become another one."""
    plain, app.state.catalog = app.openapi, catalog

    def whole() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(plain(), app.state.catalog)
        return plain()

    app.openapi = whole  # type: ignore[method-assign] # FastAPI's own way to change its document


def _complete(document: dict[str, Any], catalog: Catalog) -> None:
    schemas = document["components"]["schemas"]
    for name in FASTAPIS:
        schemas.pop(name, None)
    schemas |= error_schemas(REF)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _document_errors(path, operation)
    _document_names(schemas["JobSpec"]["properties"], catalog)


def _document_errors(path: str, operation: dict[str, Any]) -> None:
    """Give each error its shape, those that follow from what the operation is and those that its endpoint names."""
    answers = operation["responses"]
    if "HTTPValidationError" in str(answers.get("422")):
        del answers["422"]
    for status in _statuses(path, operation):
        answers.setdefault(status, {"description": WHY[status]})
    shape = {"schema": {"$ref": REF.format(model=_shape(path))}}
    for status, answer in answers.items():
        if status >= "400":
            answer.setdefault("content", {"application/json": shape})


def _statuses(path: str, operation: dict[str, Any]) -> Iterator[str]:
    if "security" not in operation:  # what needs no key needs no more than it says itself
        return
    yield from ("401", "503")
    if "{" in path:
        yield "404"
    if "requestBody" in operation:
        yield "413"
    parameters = operation.get("parameters", ())
    if "requestBody" in operation or parameters:
        yield "422" if _shape(path) == OUR_ERROR else "400"
    if any(parameter["name"] == "Idempotency-Key" for parameter in parameters):
        yield "409"


def _shape(path: str) -> str:
    if path.startswith(ANTHROPIC_PATHS):
        return ANTHROPIC_ERROR
    return OPENAI_ERROR if path.startswith(OPENAI_PATHS) else OUR_ERROR


def _document_names(properties: dict[str, Any], catalog: Catalog) -> None:
    """Say which names there are: a job that gives another one is refused."""
    for field, names in (
        ("task_class", catalog.names.task_classes),
        ("model", {**catalog.models, **catalog.aliases}),
    ):
        properties[field] = {"anyOf": [{"type": "string", "enum": sorted(names)}, {"type": "null"}]}
    properties["strategy"]["items"] = {"type": "string", "enum": _strategies(catalog)}


def _strategies(catalog: Catalog) -> list[str]:
    """Return those that need no options, or whose options stand in models.yaml."""
    routes = [*catalog.task_classes.values(), *catalog.aliases.values()]
    given = {spec.name for route in routes for spec in route.strategy}
    return sorted(name for name in {*strategy_names(), *given} if name in given or _plain(name))


def _plain(name: str) -> bool:
    try:
        build_steps((StrategySpec(name=name),))
    except StrategyMistake:
        return False
    return True


Answers = dict[int | str, dict[str, Any]]

NO_MODEL: Answers = {404: {"description": "No model, alias or class has this name."}}


def _by_status(statuses: Mapping[ErrorKind, int]) -> Answers:
    kinds: dict[int | str, list[str]] = {}
    for kind, status in statuses.items():
        kinds.setdefault(status, []).append(kind)
    return {**NO_MODEL, **{status: {"description": f"The job: {', '.join(why)}."} for status, why in kinds.items()}}


OPENAI_STATUSES = _by_status({kind: status for kind, (status, _, _) in FAULTS.items()})
ANTHROPIC_STATUSES = _by_status({kind: STATUSES.get(code, status) for kind, (status, _, code) in FAULTS.items()})
