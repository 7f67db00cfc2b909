"""Weights of others: read, checked, registered."""
