"""Parts of the pages of tasks and data sets."""
