"""The same commands on a CUDA device."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import seqbench
from seqbench import doctor
from seqbench.curves import Gradients

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("model", ["rnn", "irnn", "lstm", "gru"])
def test_all_cells_in_all_precisions_with_clipping(
    train: Callable[..., int],
    tiny: list[str],
    here: Path,
    result: Callable[[Path], dict[str, Any]],
    precision: str,
    model: str,
) -> None:
    words = [word for word in tiny if "accelerator" not in word]
    words += ["trainer=gpu", f"trainer.precision={precision}", f"model={model}"]
    assert train(*words, "trainer.gradient_clip_val=0.5", "model.bidirectional=true") == 0
    content = result(here)
    assert content["environment"]["device"] == torch.cuda.get_device_name()
    assert content["peak_memory_bytes"] > 0


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("head", ["per_step", "adaptive_softmax"])
def test_it_writes(train: Callable[..., int], here: Path, precision: str, head: str) -> None:
    words = ["task=word_lm", "model.hidden_size=32", f"model/head={head}", "trainer.max_epochs=1"]
    assert train(*words, "trainer=gpu", f"trainer.precision={precision}", "progress=none") == 0
    gpu, cpu = (seqbench.load("outputs", device=device) for device in ("gpu", "cpu"))
    (sample,) = gpu.generate("The statement", length=20, top_k=1)
    assert sample.tokens == 20
    on_cpu, on_gpu = (each.evaluate("val").metrics["loss"] for each in (cpu, gpu))
    assert on_gpu == pytest.approx(on_cpu, rel=0.02)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_gradients_over_time(tiny: list[str], here: Path, precision: str) -> None:
    """Measured in float32, whatever the training's precision; a CPU finds the same."""
    words = [word for word in tiny if "accelerator" not in word]
    words += ["callbacks=gradients", "trainer=gpu", f"trainer.precision={precision}", "test=false"]
    path = seqbench.run(words).path
    kept = Gradients.read(path / "gradients.json").measurements
    assert [each.epoch for each in kept] == [0, 1, 2]
    best = seqbench.load(path, device="cpu").gradients().measurements[0]
    (seen,) = [each for each in kept if each.epoch == best.epoch]
    for part, norms in best.layers[0].norms.items():
        assert seen.layers[0].norms[part] == pytest.approx(norms, rel=0.01)


@pytest.mark.parametrize(
    ("precision", "trouble", "status"),
    [
        ("16-mixed", "root", 0),  # the scaler leaves the step out
        ("16-mixed", "overflow", 1),
        ("bf16-mixed", "root", 1),
        ("32-true", "root", 1),
    ],
)
def test_a_scaler_alone_may_meet_gradients_that_are_not_finite(
    train: Callable[..., int],
    tiny: list[str],
    troubled: list[str],
    here: Path,
    capfd: pytest.CaptureFixture[str],
    precision: str,
    trouble: str,
    status: int,
) -> None:
    words = [*(word for word in tiny if "accelerator" not in word), *troubled, "progress=none"]
    words += ["trainer=gpu", f"trainer.precision={precision}", f"+model.cell.trouble={trouble}"]
    assert train(*words, "+model.cell.at=5") == status
    assert ("step 5 (epoch 1): the " in capfd.readouterr().err) == (status == 1)
    for path in here.rglob("bad_batch.pt"):
        bad = torch.load(path, weights_only=True)
        assert bad["inputs"].device.type == "cpu"
        assert (bad["number"], len(bad["rows"])) == (4, 20)


def test_too_little_memory(
    train: Callable[..., int],
    tiny: list[str],
    troubled: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = [*(word for word in tiny if "accelerator" not in word), *troubled, "progress=none"]
    words += ["trainer=gpu", "+model.cell.trouble=memory", "+model.cell.steps=7"]
    assert train(*words) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "out of memory in training, at a batch of 20 x 7 (rows x steps), where " in line


def test_the_doctor_finds_the_device_and_tries_it(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor.main(["--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    device = found["devices"]["cuda"]["devices"][0]
    assert (device["name"], device["why"]) == (torch.cuda.get_device_name(0), None)
    assert 0 < device["free_bytes"] <= device["memory_bytes"]
    rows = [row for row in found["precision"]["cells"] if row["device"] == device["name"]]
    assert {"rnn", "lstm", "gru"} <= {row["cell"] for row in rows}
    for row in rows:
        for precision in ("32-true", "bf16-mixed", "16-mixed", "64-true"):
            assert row["precisions"][precision]["works"], (row["cell"], row["precisions"])
