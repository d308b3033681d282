"""Drawing the pictures of a report, a kind a file. matplotlib is imported where it is used."""
