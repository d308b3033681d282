"""What Hydra looks for under this name alone: a sweeper and launchers."""
