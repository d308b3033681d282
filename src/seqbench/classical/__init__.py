"""Models without a network: what one has to beat on a task."""
