"""Whole experiments on real data, each one command: from files on disk to figures with intervals."""
