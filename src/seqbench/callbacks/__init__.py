"""What watches a run: the best checkpoint, throughput, progress, loggers."""
