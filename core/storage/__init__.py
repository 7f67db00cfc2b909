"""Bytes on disk: whole, locked, digested."""
