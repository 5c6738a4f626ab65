"""The producer API: one file for each of its endpoints."""

from .app import create_app

__all__ = ["create_app"]
