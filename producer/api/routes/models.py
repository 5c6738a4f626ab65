"""GET /v1/models: the live state of every model, and the names a request may give, as vendors list them."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter

from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.frozen import Frozen
from pointsman.router.vocabulary.views import KnownNames, ModelView

from ...vendor_apis.openai import AUTO, Refused
from ..backend import CurrentRequester

OURS = "pointsman"
"""Who owns the names that stand for several models."""

routes = APIRouter(tags=["models"])


class Named(Frozen):
    """What a request may name as its model, in the shapes of OpenAI and Anthropic at once; no date is known."""

    id: str
    object: Literal["model"] = "model"
    type: Literal["model"] = "model"
    created: Literal[0] = 0
    created_at: Literal["1970-01-01T00:00:00Z"] = "1970-01-01T00:00:00Z"
    owned_by: str
    display_name: str
    lifecycle: Literal["active"] = "active"


class ModelList(Frozen):
    """Every configured model, what should worry an operator, and all names that a job may give."""

    models: list[ModelView]
    warnings: list[str]
    names: KnownNames
    object: Literal["list"] = "list"
    data: list[Named]
    first_id: str
    last_id: str
    has_more: Literal[False] = False


@routes.get("/v1/models")
async def list_models(requester: CurrentRequester) -> ModelList:
    """Return every model with its live depth, workers, rates and health.

    `data` is the list of OpenAI's and Anthropic's clients: models, aliases, task classes, and `auto`.
    """
    store = requester.backend.models
    views = await store.views()
    catalog = requester.backend.jobs.catalog
    data = list(_named(catalog).values())
    return ModelList(
        models=views,
        warnings=await store.warnings(views),
        names=catalog.names,
        data=data,
        first_id=data[0].id,
        last_id=data[-1].id,
    )


@routes.get("/v1/models/{name}")
async def get_model(name: str, requester: CurrentRequester) -> Named:
    """Return one of the names that a request may give as its model."""
    found = _named(requester.backend.jobs.catalog).get(name)
    if found is None:
        raise Refused(
            f"The model '{name[:100]}' does not exist.", status=404, param="model", code="model_not_found"
        )
    return found


def _named(catalog: Catalog) -> dict[str, Named]:
    """Return all names; a model goes before a class of the same name, as it does in a request."""
    owners = {AUTO: OURS, **dict.fromkeys((*catalog.task_classes, *catalog.aliases), OURS)}
    owners |= {name: model.vendor for name, model in catalog.models.items()}
    return {name: Named(id=name, owned_by=owner, display_name=name) for name, owner in reversed(owners.items())}
