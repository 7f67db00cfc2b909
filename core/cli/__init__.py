"""The command line: every command's arguments and what it runs."""
