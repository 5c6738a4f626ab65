"""The clients: for asyncio programs and for those without, over HTTP or straight to Redis."""

from .asyncio import AsyncClient
from .blocking import Client

__all__ = ["AsyncClient", "Client"]
