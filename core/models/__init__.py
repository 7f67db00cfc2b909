"""One CLIP on one device."""
