"""The cells, one file each, and what they share: ``base`` (the contract) and ``kernel``."""
