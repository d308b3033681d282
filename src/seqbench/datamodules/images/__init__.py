"""Images with a label each, from their sources to sequences."""
