"""Parts of the page of models and workspaces."""
