"""The base's image tower: where it begins, what it sees, and its training."""
