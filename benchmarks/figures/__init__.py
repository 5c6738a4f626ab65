"""Figures of how the code is laid out and named, to compare before a change and after it."""
