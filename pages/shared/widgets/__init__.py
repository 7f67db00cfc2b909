"""Widgets and charts that know no job and no address."""
