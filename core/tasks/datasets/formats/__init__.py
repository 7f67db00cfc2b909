"""One file a layout of files on disk."""
