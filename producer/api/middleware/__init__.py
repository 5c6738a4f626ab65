"""What every request of the API passes through: keys, bounds, ids, and strict JSON."""
