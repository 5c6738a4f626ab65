"""Celery and httpx put together by hand: the worker that Pointsman is compared with."""
