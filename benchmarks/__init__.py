"""Benchmarks: run one as a module from the root of the checkout, `python -m benchmarks.reliability`."""
