"""Submits jobs and fetches their results, over HTTP or straight through Redis."""

from .blocking import Client
from .client import AsyncClient

__all__ = ["AsyncClient", "Client"]
