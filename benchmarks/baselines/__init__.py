"""Small programs that seqbench is measured against: what one would write without it."""
