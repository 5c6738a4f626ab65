"""Reads the JSON of a request as the standard has it, which Python's own reader does not."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import from_json


class JsonRequest(Request):
    """A request whose body may have neither NaN nor half a surrogate, nor be nested without end."""

    async def json(self) -> Any:
        """Return the body; raises JSONDecodeError, which FastAPI answers."""
        try:
            return from_json((await self.body()).removeprefix(BOM_UTF8), allow_inf_nan=False)
        except ValueError as error:
            raise json.JSONDecodeError(str(error), "", 0) from error


class JsonRoute(APIRoute):
    """A route of the API."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        answer = super().get_route_handler()

        async def read_and_answer(request: Request) -> Response:
            return await answer(JsonRequest(request.scope, request.receive))

        return read_and_answer
