"""Parts of the page of one patch over α."""
