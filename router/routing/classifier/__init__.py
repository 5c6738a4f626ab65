"""The text classifier of the task classes. Importing this package does not import scikit-learn; `text` does."""

from .examples import read_prompts, ready_classes, ready_prompts

__all__ = ["read_prompts", "ready_classes", "ready_prompts"]
