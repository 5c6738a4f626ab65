"""A strategy of one's own; README.md says how it is plugged in."""
