"""Errors, in our own shape and in those of vendors."""

from __future__ import annotations

from typing import Any, Literal

from pydantic.json_schema import models_json_schema

from pointsman.router.vocabulary.frozen import Frozen


class ErrorDetails(Frozen):
    """What went wrong; there may be the field it is about, or the id of a job or a delivery."""

    kind: str
    message: str
    field: str | None = None
    job_id: str | None = None
    delivery_id: str | None = None
    request_id: str


class Error(Frozen):
    """An error."""

    error: ErrorDetails


class OpenAIErrorDetails(Frozen):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(Frozen):
    """An error as OpenAI tells it."""

    error: OpenAIErrorDetails


class AnthropicErrorCode(Frozen):
    """Which error it is, exactly."""

    error_code: str


class AnthropicErrorDetails(Frozen):
    """What went wrong; the type follows from the status."""

    type: str
    message: str
    details: AnthropicErrorCode | None = None


class AnthropicError(Frozen):
    """An error as Anthropic tells it."""

    type: Literal["error"]
    error: AnthropicErrorDetails
    request_id: str


OUR_ERROR, OPENAI_ERROR, ANTHROPIC_ERROR = (model.__name__ for model in (Error, OpenAIError, AnthropicError))


def error_schemas(template: str) -> dict[str, Any]:
    """Return the schemas of all errors by name; `template` makes a reference of a name."""
    models: Any = [(model, "serialization") for model in (Error, OpenAIError, AnthropicError)]
    schemas: dict[str, Any] = models_json_schema(models, ref_template=template)[1]["$defs"]
    return schemas
