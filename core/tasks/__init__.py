"""What is asked of a model, and where its pictures come from."""
