"""Model soups and manifold mixing."""
