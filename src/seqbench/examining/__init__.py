"""What ``python -m seqbench.doctor`` looks at, a file for each section."""
