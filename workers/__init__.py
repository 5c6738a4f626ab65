"""How a job is carried out: the Celery worker, its asyncio pool, and the calls to the LLMs."""
