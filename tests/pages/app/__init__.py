"""Tests of what all pages share: the address, jobs."""
