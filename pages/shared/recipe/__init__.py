"""Parts of the page of recipes."""
