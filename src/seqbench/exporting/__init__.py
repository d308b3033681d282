"""Trained networks as ONNX files, which run without torch and without seqbench."""
