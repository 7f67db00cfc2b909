"""Parts of the page of typographic attacks."""
