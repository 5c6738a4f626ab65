"""The routes of the API: one file for each group of paths."""
