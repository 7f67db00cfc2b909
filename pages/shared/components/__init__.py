"""Browser parts of our own, in JavaScript."""
