"""Networks that write: how tokens are drawn, what a prompt does, what it costs."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import seqbench
from seqbench.choice import Choice
from seqbench.trained import Trained

LOGITS = torch.log(torch.tensor([[0.4, 0.3, 0.2, 0.06, 0.04]]))
N = 40_000


def drawn(choice: Choice, count: int = N) -> list[float]:
    """How often each of five tokens is drawn."""
    draws = torch.rand(count, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    ids = choice(LOGITS.expand(count, -1), draws)
    return (torch.bincount(ids, minlength=5) / count).tolist()


@pytest.mark.parametrize(
    ("choice", "shares"),
    [
        (Choice(), [0.4, 0.3, 0.2, 0.06, 0.04]),
        (Choice(top_k=2), [4 / 7, 3 / 7, 0, 0, 0]),
        (Choice(top_k=1), [1, 0, 0, 0, 0]),
        (Choice(top_k=10**9), [0.4, 0.3, 0.2, 0.06, 0.04]),
        (Choice(top_k=3, uniform=True), [1 / 3, 1 / 3, 1 / 3, 0, 0]),
        (Choice(top_p=0.6), [4 / 7, 3 / 7, 0, 0, 0]),
        (Choice(top_p=0.9), [4 / 9, 3 / 9, 2 / 9, 0, 0]),
        (Choice(top_p=0.05, uniform=True), [1, 0, 0, 0, 0]),
        (Choice(top_p=1.0), [0.4, 0.3, 0.2, 0.06, 0.04]),
        (Choice(temperature=0.5), [0.16 / 0.2952, 0.09 / 0.2952, 0.04 / 0.2952, 0.012, 0.005]),
        (Choice(temperature=1e-6), [1, 0, 0, 0, 0]),
        (Choice(temperature=1e-6, top_k=2, uniform=True), [0.5, 0.5, 0, 0, 0]),
        (Choice(temperature=1e6), [0.2] * 5),
        (Choice(temperature=0.5, top_k=2), [0.16 / 0.25, 0.09 / 0.25, 0, 0, 0]),
    ],
)
def test_tokens_are_drawn_by_their_share(choice: Choice, shares: list[float]) -> None:
    assert drawn(choice) == pytest.approx(shares, abs=0.01)


def test_what_has_no_share_is_never_drawn() -> None:
    logits = torch.tensor([[0.0, -torch.inf, 0.0, -torch.inf]])
    for draw in (0.0, 0.499999, 0.5, 1 - 2**-53):
        assert int(Choice()(logits, torch.tensor([draw], dtype=torch.double))) in (0, 2)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("text") / "text.txt"
    place.write_text("the cat sat on the mat and the dog sat on the cat .\n" * 60, "utf-8")
    return place


@pytest.fixture(scope="module", params=["lstm", "gru", "rnn"])
def author(request: pytest.FixtureRequest, text: Path) -> Trained:
    return trained(text, f"model={request.param}", "task.level=whitespace")


def trained(text: Path, *words: str) -> Trained:
    place = text.parent
    result = seqbench.run(
        [
            "task=word_lm",
            f"task.path={text}",
            "task.batch_size=4",
            "task.sequence_length=10",
            "model.hidden_size=16",
            "model.num_layers=2",
            "model.embedding.size=8",
            "optimizer.lr=0.02",
            "trainer.max_epochs=3",
            "trainer.accelerator=cpu",
            "progress=none",
            "threads=1",
            f"paths.output_dir={place / 'outputs'}",
            f"paths.cache_dir={place / 'cache'}",
            *words,
        ]
    )
    return seqbench.load(result.path)


def test_kernel_and_equation_write_the_same(author: Trained) -> None:
    settings: dict[str, Any] = {"length": 60, "num_samples": 3, "seed": 5}
    native = author.generate("the cat", backend="native", **settings)
    assert native == author.generate("the cat", backend="reference", **settings)
    assert native == author.generate("the cat", **settings)
    assert len({sample.text for sample in native}) == 3
    assert author.module.network.backend == "native"


def test_it_writes_what_one_pass_over_the_whole_text_would(author: Trained) -> None:
    """The carried state is worth the text so far: greedy tokens are those of a fresh full pass."""
    (sample,) = author.generate("the dog", length=12, top_k=1)
    words = sample.text.split()
    ids = torch.tensor([[author.spec.vocabulary.index(word) for word in words]])
    network = author.module.network
    with torch.inference_mode():
        hidden, _ = network.advance(ids, None, torch.tensor([len(words)]))
        logits = network.head.predict(hidden)[0]
        logits[:, :2] = -torch.inf
    assert [author.spec.vocabulary[i] for i in logits.argmax(-1)[1:-1]] == words[2:]


def test_each_token_costs_the_same(author: Trained) -> None:
    read: list[int] = []
    hook = author.module.network.embedding.register_forward_hook(
        lambda module, inputs, output: read.append(inputs[0].shape[1])
    )
    author.generate("the cat sat on", length=50)
    hook.remove()
    assert read == [4] + [1] * 49


def test_a_long_prompt_is_read_in_parts(author: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = author.generate("the cat sat on the mat and the", length=20, num_samples=3)
    monkeypatch.setattr("seqbench.writing.AT_ONCE", 3)
    assert author.generate("the cat sat on the mat and the", length=20, num_samples=3) == whole


def test_the_seed_decides(author: Trained) -> None:
    def texts(seed: int, count: int) -> list[str]:
        samples = author.generate("the", seed=seed, num_samples=count, length=30)
        return [sample.text for sample in samples]

    assert texts(1, 4) == texts(1, 4)
    assert texts(1, 4)[:2] == texts(1, 2)
    assert texts(1, 4) != texts(2, 4)
    before = torch.random.get_rng_state()
    texts(1, 1)
    assert torch.equal(before, torch.random.get_rng_state())


def test_samples_beyond_one_batch_go_on(author: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = author.generate("the", num_samples=5, length=8)
    monkeypatch.setattr("seqbench.writing.TOGETHER", 2)
    assert author.generate("the", num_samples=5, length=8) == whole


def test_the_first_text_is_shown_as_it_comes(author: Trained) -> None:
    parts: list[str] = []
    samples = author.generate("the cat ", length=9, num_samples=2, show=parts.append)
    assert len(parts) == 10
    assert parts[0] == "the cat"
    assert "".join(parts) == samples[0].text
    assert samples[0].tokens == 9
    assert not samples[0].ended


def test_unknown_words_are_named(author: Trained) -> None:
    (sample,) = author.generate("the zebra sat zebra yak", length=3)
    assert sample.unknown == ["zebra", "yak"]
    assert sample.text.startswith("the zebra sat zebra yak ")


def test_lines_end_where_the_mark_is_written(text: Path) -> None:
    author = trained(text, "task.end_of_line=true", "task.level=word")
    (sample,) = author.generate(length=40, top_k=1)
    assert sample.text.count("\n") >= 2
    assert "<eos>" not in sample.text
    assert " ." not in sample.text
    first, *_ = sample.text.splitlines()
    assert first.startswith("the cat ")
    assert first.endswith(" the cat.")


def test_the_command_line(author: Trained, capfd: pytest.CaptureFixture[str], here: Path) -> None:
    from seqbench.generate import main

    words = [str(author.path), "--prompt", "the yak", "--length", "7", "--num-samples", "3"]
    options = ["--top-k", "3", "--uniform", "--temperature", "0.5", "--top-p", "0.9", "--seed", "4"]
    assert main([*words, *options]) == 0
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert lines[::2] == ["--- 1 ---", "--- 2 ---", "--- 3 ---"]
    assert all(line.startswith("the yak ") for line in lines[1::2])
    assert err == "seqbench: unknown, read as one and the same: yak\n"
    assert main([*words, *options, "--json", "--backend", "reference"]) == 0
    found = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [sample["text"] for sample in found] == lines[1::2]
    assert all((sample["label"], sample["seed"]) == (None, 4) for sample in found)
    assert all(sample["tokens"] == 7 for sample in found)
    assert not list(here.iterdir())


def test_a_text_s_perplexity(
    author: Trained, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from seqbench.evaluate import main

    (tmp_path / "more.txt").write_text(
        "the cat sat on the mat and the yak sat on the cat .", "utf-8"
    )
    found = author.evaluate(data=tmp_path / "more.txt")
    assert (found.rows, found.unit) == (13, "tokens predicted")
    assert found.unknown == 1 / 14  # yak
    words = (tmp_path / "more.txt").read_text("utf-8").split()
    vocabulary = author.spec.vocabulary
    ids = torch.tensor([[vocabulary.index(w) if w in vocabulary else 1 for w in words]])
    network = author.module.network
    with torch.inference_mode():
        hidden, _ = network.advance(ids[:, :-1], None, torch.tensor([13]))
        losses = torch.nn.functional.cross_entropy(network.head.predict(hidden)[0], ids[0, 1:])
    assert found.metrics["loss"] == pytest.approx(float(losses), rel=1e-5)
    assert found.metrics["perplexity"] == pytest.approx(float(losses.exp()), rel=1e-4)
    assert main([str(author.path), "--data", str(tmp_path / "more.txt")]) == 0
    assert "perplexity" in capfd.readouterr().out


def test_a_network_that_labels_writes_nothing(names_run: Path) -> None:
    with pytest.raises(seqbench.UserError, match="trained to label"):
        seqbench.load(names_run).generate("а")


def test_a_network_that_writes_labels_nothing(author: Trained) -> None:
    with pytest.raises(seqbench.UserError, match="trained to write"):
        author.predict(["the cat"])
