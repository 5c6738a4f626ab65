"""The demo: forty jobs of three task classes over three models, on every real part, with something going wrong."""

from .run import run_demo
from .show import Llm

__all__ = ["Llm", "run_demo"]
