"""Labelled texts, from their sources to arrays of token ids."""
