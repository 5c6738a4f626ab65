"""GET /v1/models: the live state of every model."""

from __future__ import annotations

from fastapi import APIRouter

from router.chat import Frozen
from router.views import ModelView

from .backend import Asking

routes = APIRouter(tags=["models"])


class Models(Frozen):
    """Every configured model, and what should worry an operator, in words."""

    models: list[ModelView]
    warnings: list[str]


@routes.get("/v1/models")
async def list_models(asker: Asking) -> Models:
    """Return every model with its live depth, workers, rates and health."""
    store = asker.backend.models
    views = await store.views()
    return Models(models=views, warnings=await store.warnings(views))
