"""GET /v1/models: the live state of every model."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter

from router.chat import Frozen
from router.store import ModelView

from .backend import Asking

routes = APIRouter(tags=["models"])


class Models(Frozen):
    """Every configured model, and what should worry an operator, in words."""

    models: list[ModelView]
    warnings: list[str]


@routes.get("/v1/models")
async def list_models(asker: Asking) -> Models:
    """Return every model with its live depth, workers, rates and health."""
    views = await asker.backend.models.views()
    return Models(models=views, warnings=list(warnings(views)))


def warnings(views: Iterable[ModelView]) -> Iterable[str]:
    """Yield a sentence for each model that jobs wait for in vain."""
    for view in views:
        if view.waiting and view.workers == 0:
            yield f"{view.name}: {view.status}"
