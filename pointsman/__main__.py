"""Lets `python -m pointsman` be the command line."""

from .cli.app import main

main()
