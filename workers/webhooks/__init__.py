"""Sends webhooks: the other kind of worker, on a queue of its own, so that no receiver holds a model's slot."""
