"""The command line, and all parts embedded in one process tree."""
