"""Tests of the browser parts' Python side."""
