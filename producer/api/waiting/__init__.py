"""Waits for jobs on behalf of callers of the API: until the end, or streamed."""
