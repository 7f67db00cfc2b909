"""One thin script per question that a visitor asks."""
