"""The parts of the page for many tasks."""
