"""A simulated LLM server for the demo, the tests and the benchmarks; it says in every answer that it is simulated."""

from .catalog import simulate
from .server import running_server
from .settings import SimulatedModel, Simulation

__all__ = ["SimulatedModel", "Simulation", "running_server", "simulate"]
