"""The mark that every simulated text begins with, so that nobody takes it for a real answer."""

MARK = "[simulated]"
