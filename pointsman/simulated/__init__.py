"""A simulated LLM server for demo, tests and benchmarks; every answer says that it is simulated."""

from .catalog import simulate
from .server import running_server
from .settings import SimulatedModel, Simulation

__all__ = ["SimulatedModel", "Simulation", "running_server", "simulate"]
