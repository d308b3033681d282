"""A text by text.onnx and text.json, a network of characters, without torch and seqbench."""

import json
from pathlib import Path

import numpy as np
import onnxruntime

about = json.loads(Path("text.json").read_text("utf-8"))
network = onnxruntime.InferenceSession("text.onnx")
text, vocabulary, random = "The ", about["vocabulary"], np.random.default_rng(1)
state = {s["name"]: np.full((1, *s["shape"][1:]), s["start"], s["dtype"]) for s in about["states"]}
tokens = [vocabulary.index(letter) for letter in text]
for _ in range(200):
    logits, *after = network.run(None, {"tokens": np.array([tokens]), **state})
    state = dict(zip(state, after, strict=True))
    shares = np.exp(logits[0, -1, 2:].astype(float))  # 0 and 1 are padding and unknown
    tokens = [2 + random.choice(len(shares), p=shares / shares.sum())]
    text += vocabulary[tokens[0]]
print(text)
