"""seqbench: train and compare recurrent networks on sequence tasks."""
