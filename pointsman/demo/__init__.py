"""The demo: sixty prompts of three task classes over three models, on every real part."""

from .run import run_demo

__all__ = ["run_demo"]
