"""The input of a Response as items with ids, for those who look at it again.

https://platform.openai.com/docs/api-reference/responses/input-items
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..faults import Refused
from .items import TEXTS

NAMES: Mapping[str, str] = {"message": "msg", "function_call": "fc", "function_call_output": "fco"}
"""What the id of an item begins with, by its type."""


def input_items(job_id: str, given: str | Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the items that were sent, each with an id that says its place."""
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    return [_item(item, f"{job_id}_{at}") for at, item in enumerate(items)]


def _item(item: Mapping[str, Any], end: str) -> dict[str, Any]:
    kind = item.get("type", "message")
    fields = {name: value for name, value in item.items() if value is not None}
    shown = {**fields, "type": kind, "id": f"{NAMES[kind]}_{end}", "status": "completed"}
    if kind == "message":
        text = "output_text" if item["role"] == "assistant" else "input_text"
        shown["content"] = _parts(item["content"], text)
    return shown


def _parts(content: Any, text: str) -> list[dict[str, Any]]:
    parts = [{"type": text, "text": content}] if isinstance(content, str) else content
    return [_part(part, text) for part in parts]


def _part(part: Mapping[str, Any], text: str) -> dict[str, Any]:
    if part["type"] not in TEXTS:
        return {"detail": "auto", **part}
    shown = {"type": text, "text": part["text"]}
    return {**shown, "annotations": [], "logprobs": []} if text == "output_text" else shown


def page_of(items: Sequence[Mapping[str, Any]], *, after: str | None, limit: int, order: str) -> dict[str, Any]:
    """Return one page of items; raises Refused where there is no item to begin after."""
    ordered = list(items if order == "asc" else reversed(items))
    ids = [item["id"] for item in ordered]
    if after is not None and after not in ids:
        raise Refused(f"after: there is no item '{after[:100]}'", param="after", code="invalid_value")
    begin = 0 if after is None else ids.index(after) + 1
    page = ordered[begin : begin + limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": begin + limit < len(ordered),
    }
