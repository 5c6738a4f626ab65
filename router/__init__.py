"""What a job is, where it goes, and what Redis knows about it."""
