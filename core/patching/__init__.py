"""PAINT: curves over α, strategies for many tasks, and the search for α."""
