"""Lets `python -m pointsman` be the command line."""

from .cli import main

main()
