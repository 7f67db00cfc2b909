"""Parts of the page of soups."""
