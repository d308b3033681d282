"""What seqbench costs beside what else a user would run: ``python -m benchmarks [ROW ...]``."""
