"""The edge to Celery: the message of a binding, and kombu's transport as we need it."""
