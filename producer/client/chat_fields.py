"""Takes the parameters of a chat request where the fields of a job are given, as the vendors' own clients do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.errors import InvalidJob
from pointsman.router.vocabulary.job import JobSpec
from pointsman.router.vocabulary.mistakes import NO_FIELD, did_you_mean, in_words, names_at

PARAMETERS = frozenset(ChatRequest.model_fields) - {"messages"}
ELSEWHERE: Mapping[str, str] = {
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "stop_sequences": "stop",
    "functions": "tools",
    "function_call": "tool_choice",
    "content": "prompt",
    "timeout": "expires_in",
    "deadline": "expires_in",
    "user": "tenant",
}
"""What other clients call a field of ours."""


def split(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of the job, and the parameters of its chat request that stand beside them."""
    fields = {name: value for name, value in given.items() if name not in PARAMETERS}
    messages = fields.pop("messages", None)
    if messages is not None:
        for name in ("prompt", "request"):
            if fields.get(name) is not None:
                raise InvalidJob(f"messages: give either messages or {name}", field="messages")
        fields["request"] = {"messages": messages}
    return fields, {name: given[name] for name in PARAMETERS & given.keys() if given[name] is not None}


def with_parameters(spec: JobSpec, parameters: Mapping[str, Any]) -> JobSpec:
    """Return the job with these parameters in its chat request; raises InvalidJob where one is there already."""
    if not parameters:
        return spec
    chat = spec.chat()
    there = {name: getattr(chat, name) for name in chat.model_fields_set}
    for name in sorted(parameters.keys() & there.keys()):
        raise InvalidJob(f"{name}: it stands in request too; give it in one of the two places", field=name)
    try:
        request = ChatRequest.model_validate({**there, **parameters})
    except ValidationError as error:
        raise invalid_job(error, ChatRequest) from error
    return spec.model_copy(update={"prompt": None, "system": None, "request": request})


def invalid_job(error: ValidationError, kind: type[JobSpec | ChatRequest] = JobSpec) -> InvalidJob:
    """Return what is wrong first, with the field's name."""
    first = error.errors(include_url=False)[0]
    location = first["loc"]
    field = ".".join(str(part) for part in location)
    known = names_at(kind, location) | (PARAMETERS | {"messages"} if len(location) == 1 else set())
    words = in_words(first, known)
    if words == NO_FIELD and location[-1] in ELSEWHERE:
        words += did_you_mean(ELSEWHERE[str(location[-1])], [ELSEWHERE[str(location[-1])]])
    return InvalidJob(f"{field}: {words}" if field else words, field=field)
