"""Comparisons with other programs, each in an environment of its own: neither bridge nor tests need what is installed there."""
