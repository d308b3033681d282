"""Labels of names by model.onnx and model.json, without torch and seqbench."""

import json
from pathlib import Path

import numpy as np
import onnxruntime

about = json.loads(Path("model.json").read_text("utf-8"))
network = onnxruntime.InferenceSession("model.onnx")
lowercase, longest = about["encoding"]["lowercase"], about["encoding"]["max_length"]
ids = {token: i for i, token in enumerate(about["vocabulary"])}
for name in ("Rex", "Мурка", "Sir Barks"):
    letters = list((name.lower() if lowercase else name).strip())[:longest]
    tokens = np.array([[ids.get(letter, about["unknown_id"]) for letter in letters]])
    (logits,) = network.run(["logits"], {"tokens": tokens, "lengths": np.array([len(letters)])})
    print(name, about["labels"][logits[0].argmax()])
