"""Heads: one file a kind of answer."""
