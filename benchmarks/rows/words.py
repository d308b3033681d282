"""A word model of 47,604 words beside a textbook's, which weighs all of them at every step."""

import csv
import tempfile
from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks import places
from benchmarks.row import Row, Turn, at_least, at_most

TEXT = "anna/anna_ru.txt"
WORDS = ["experiment=anna_adaptive", "callbacks.samples=null"]
EPOCHS = 2
"""Of ours; the textbook's program then trains for as many seconds."""
LOOKS = 50
"""Steps of the textbook's program between two validations, the best of which counts."""


def speed(repeats: int) -> Iterator[Turn]:
    from benchmarks.baselines.words import Textbook
    from benchmarks.training import in_turn

    words = _words()
    yield from in_turn(WORDS, Textbook(words["train"], words["size"]).run, 20, repeats)


def quality(unknown: float, repeats: int) -> Iterator[Turn]:
    """unknown: share of the words that train has once, which the textbook's program reads as that
    in training, as ours does; 0 as the textbook has it."""
    import torch

    from benchmarks.baselines.words import Textbook

    words = _words()
    for seed in range(repeats):
        own, seconds = _own(seed, words["fingerprint"])
        torch.manual_seed(seed)
        textbook = Textbook(words["train"], words["size"], unknown, words["rare"])
        other, steps = float("inf"), 0
        while textbook.seconds < seconds:
            textbook.run(1)
            steps += 1
            if steps % LOOKS == 0 or textbook.seconds >= seconds:
                other = min(other, textbook.perplexity(words["val"]))
        facts = {"seconds": seconds, "vocabulary": words["size"], "unknown": words["unknown"]}
        yield Turn(own, other, facts | {"other_steps": steps})


def _own(seed: int, fingerprint: str) -> tuple[float, float]:
    """The best perplexity on validation, and the seconds of training, validation aside."""
    from seqbench import run

    with tempfile.TemporaryDirectory() as folder:
        paths = [f"paths.output_dir={folder}/outputs", f"paths.cache_dir={folder}/cache"]
        what = [f"seed={seed}", f"trainer.max_epochs={EPOCHS}", "test=false", "progress=none"]
        result = run([*WORDS, *what, *paths])
        with (result.path / "metrics.csv").open(encoding="utf-8") as file:
            seconds = sum(
                float(line["value"])
                for line in csv.DictReader(file)
                if (line["split"], line["name"]) == ("time", "epoch_seconds")
            )
    assert result.content["data"]["fingerprint"] == fingerprint  # both read the same words
    return result.metrics["val"]["perplexity"], seconds


def _words() -> dict[str, Any]:
    """What both sides read: ids ``(N,)`` of ``train`` and ``val``, ``size`` of the vocabulary, the
    ``unknown`` share of validation, and the first of the ids that are ``rare``: once in train."""
    places.data(TEXT)
    import torch

    from seqbench.datamodules.language_model import LanguageModel

    parts: dict[str, Any] = {"level": "whitespace", "val_fraction": 0.05, "test_fraction": 0.05}
    with tempfile.TemporaryDirectory() as cache:
        data = LanguageModel(cache_dir=cache, folder="anna", **parts)
        data.setup()
        tokens = {name: data.splits[name].tokens.astype("int64") for name in ("train", "val")}
    size = data.facts["vocabulary_size"]
    return {
        **{name: torch.from_numpy(ids) for name, ids in tokens.items()},
        "size": size,
        "rare": size - data.facts["singletons"],
        "unknown": data.facts["unknown_rate"]["val"],
        "fingerprint": data.fingerprint,
    }


ROWS = [
    Row(
        "words-speed",
        "one training step of a word model, 512 of 47,604 words",
        "experiment=anna_adaptive",
        "textbook, full softmax",
        "ms",
        speed,
        at_least(3),
        speedup=True,
    ),
    *(
        Row(
            name,
            f"validation perplexity after as many seconds of training, 47,604 words{what}",
            "experiment=anna_adaptive",
            "textbook, full softmax",
            "",
            partial(quality, unknown),
            at_most(1),
            repeats=3,
        )
        for name, what, unknown in (
            ("words-quality", "", 0.0),
            ("words-quality-unknown", ", both trained on unknown ones", 0.5),
        )
    ),
]
