"""Parts of the page of one's own images."""
