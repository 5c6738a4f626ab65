"""What a new folder begins with: models.yaml, its schema and .env, made of what is found on this machine."""

from .files import Written, write_files
from .simulated import with_simulated_models

__all__ = ["Written", "with_simulated_models", "write_files"]
