"""Measured claims: `python -m benchmarks.NAME` prints what was reached, the peer or the limit, and their ratio."""
