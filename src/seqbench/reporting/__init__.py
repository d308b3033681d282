"""What a set of run directories says. Nothing here needs torch."""
