"""The dispatcher: the loop that binds, and the duties beside it."""
