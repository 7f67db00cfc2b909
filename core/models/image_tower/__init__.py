"""Image towers: one on a device, and one kind that is made fast."""
