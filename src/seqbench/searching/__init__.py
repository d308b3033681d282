"""The parts of ``python -m seqbench.search``: ranges, the study, its processes, what it finds."""
