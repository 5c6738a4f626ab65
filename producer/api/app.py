"""Puts the endpoints of the API together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi_offline import FastAPIOffline

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.runtime.cancellation import stop
from pointsman.router.store import CatalogReload

from .backend import open_backend
from .failures import answer_errors
from .middleware.access import KeyGate, read_keys
from .middleware.body_limit import BodyLimit
from .middleware.request_id import RequestId
from .openapi.document import complete
from .routes import (
    batches,
    chat,
    dead,
    events,
    files,
    finished,
    health,
    jobs,
    messages,
    models,
    responses,
    route,
    submit,
    webhooks,
)

# for the documentation alone: KeyGate has looked at the key before a route is chosen
KEYS = [Depends(HTTPBearer(auto_error=False)), Depends(APIKeyHeader(name="x-api-key", auto_error=False))]


def create_app(settings: Settings, catalog: Catalog) -> FastAPI:
    """Return the API; its connections open when the server starts it and close when the server ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_backend(settings, catalog) as backend:
            app.state.backend = backend

            async def take(catalog: Catalog) -> None:
                backend.jobs.catalog = app.state.catalog = catalog
                backend.models.take(catalog)
                app.openapi_schema = None  # its names are the catalog's

            app.state.reloads = CatalogReload(backend.redis, settings=settings, catalog=catalog, take=take)
            looking = asyncio.create_task(app.state.reloads.run(), name="pointsman-reload")
            yield
            await stop(looking)

    app: FastAPI = FastAPIOffline(  # its /docs need nothing from the internet
        title="Pointsman",
        summary="A job queue for LLM calls: submit a job, fetch its result.",
        lifespan=lifespan,
        redoc_url=None,
    )
    app.add_middleware(BodyLimit, most=settings.body_limit_bytes, uploads=settings.file_limit_bytes)
    app.add_middleware(KeyGate, keys=read_keys(settings.api_keys))
    app.add_middleware(RequestId)  # the last added is the first to see a request
    answer_errors(app)
    for module in (
        submit, finished, jobs, events, dead, models, route, chat, responses, messages, files, batches, webhooks,
    ):  # fmt: skip
        app.include_router(module.routes, dependencies=KEYS)
    app.include_router(health.routes)
    complete(app, catalog)
    return app
