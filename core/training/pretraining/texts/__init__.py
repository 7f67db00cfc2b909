"""The base's texts: where each belongs, and the text tower that is taught so."""
