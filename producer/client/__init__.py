"""The clients: for asyncio programs and for those without, over HTTP or straight to Redis."""

from .asyncio import AsyncClient
from .blocking import Client
from .run_record import RunRecord

__all__ = ["AsyncClient", "Client", "RunRecord"]
