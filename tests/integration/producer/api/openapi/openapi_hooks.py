"""Hooks of schemathesis: what a valid request of /openapi.json has to keep to, and no schema can say."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Keep a request that is meant to be valid within the rules that stand in words."""
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    for body in _objects(case.body):
        body.pop("not_before", None)  # at most a year from now
        if "completion_window" in body:
            body["completion_window"] = "30m"  # 1m to 30d
            body["input_file_id"] = os.environ["POINTSMAN_FILE_ID"]  # a file that is there
        body.pop("webhook", None)  # wants a secret in the settings, and an address that may be called
        if body.get("strategy"):
            body["strategy"] = body["strategy"][:1]  # not every strategy can stand before every other
        if isinstance(body.get("request"), dict):
            body["request"].pop("seed", None)  # its bounds lose their last digits in the document


def _objects(body: Any) -> Iterator[dict[str, Any]]:
    """Yield the jobs or the batch of a body."""
    if isinstance(body, dict):
        yield from body["jobs"] if isinstance(body.get("jobs"), list) else [body]
