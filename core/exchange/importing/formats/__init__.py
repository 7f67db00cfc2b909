"""Files that hold weights, read without trust."""
