"""Sweeps that are no sweeps: told before the first run begins."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.errors import MissingConfigException

from seqbench.hints import translate
from seqbench.train import main

SWEEPS = [
    (["seed=range(0)"], ["seed=range(0)", "nothing to run"]),
    (["model=glob(nosuch*)"], ["model=glob(nosuch*)", "nothing to run"]),
    (["seed=interval(0,1)"], ["seed=interval(0,1)", "seqbench.search"]),
    (["seed=1,2,1"], ["seed=1", "listed twice"]),
    (["seed=1,2", "trainer.log_every_n_steps=1,2"], ["the same run as", "leave one"]),
    (["optimizer.lr=0.1,x"], ["optimizer.lr=x", "valid number"]),
    (["seed=1,2", "optimizer.rate=1"], ["unknown optimizer.rate"]),
    (["model=rnn,lstm", "model.backend=native,nativ"], ["nativ", "'native'"]),
    (["model=gru,gru_v1", "model.backend=native"], ["model=gru_v1", "model.backend=auto"]),
    (["task=modular_sum,imdb", "trainer.max_epochs=1"], ["task=imdb", "SEQBENCH_DATA_DIR"]),
    (["seed=1,2", "choose=[optimizer.lr]"], ["choose=optimizer.lr", "optimizer.lr=A,B"]),
    (["seed=1,2", "choose=[seed]"], ["choose=seed"]),
    (["seed=1,2", "choose=seed"], ["choose=seed", "array"]),
    (["seed=1,2", "on_failure=halt"], ["on_failure=halt", "'continue' or 'stop'"]),
    (["seed=1,2", "retries=-1"], ["retries=-1", "greater than or equal to 0"]),
    (["+sweep=cell"], ["no sweep 'cell'", "'cells'"]),
    (["seed=1,2", "hydra/launcher=process"], ["hydra/launcher 'process'", "'processes'"]),
    (["seed=1,2", "hydra.launcher.n_jobs=0"], ["n_jobs", "from 1", "0"]),
    (["seed=1,2", "hydra.launcher.n_jobs=two"], ["n_jobs", "from 1", "two"]),
    (["seed=1,2", "hydra.launcher.jobs=2"], ["hydra.launcher.jobs"]),
    (["seed=1,2", "hydra/sweeper=basic"], ["hydra/sweeper", "leave it out"]),
    (["seed=1,2", "hydra.sweep.dir=x"], ["hydra.sweep.dir", "leave it out"]),
    (["seed=1,2", "hydra/launcher=submitit_slurm"], ["no srun", "hydra/launcher=processes"]),
    (
        ["seed=1,2", "hydra/launcher=ray", "hydra.launcher.ray.init.address=127.0.0.1:9"],
        ["no Ray at 127.0.0.1:9", "refused", "address"],
    ),
]


@pytest.mark.parametrize(("words", "parts"), SWEEPS, ids=lambda value: " ".join(value)[:60])
def test_refused_in_one_line(
    refused: Callable[..., str], tiny: list[str], words: list[str], parts: list[str]
) -> None:
    if any(word.startswith("task=") for word in words):
        tiny = ["threads=1"]
    if "submitit_slurm" in words[-1]:
        pytest.importorskip("submitit")
    if "ray" in words[-1]:
        pytest.importorskip("ray")
    refused("train", "-m", *tiny, *words, parts=parts)


def test_a_named_sweep_needs_no_m(refused: Callable[..., str], tiny: list[str]) -> None:
    refused(
        "train", *tiny, "+sweep=cells", "model=rnn,nosuch", "seed=0", parts=["no model 'nosuch'"]
    )


def test_settings_of_the_whole_sweep_have_one_value(
    refused: Callable[..., str], tiny: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "my" / "experiment"
    folder.mkdir(parents=True)
    for name, text in {"a": "seed: 1", "b": "seed: 2\nchoose: [optimizer.lr]"}.items():
        (folder / f"{name}.yaml").write_text(f"# @package _global_\n{text}\n")
    words = ["--config-dir", str(folder.parent), "experiment=a,b", "optimizer.lr=0.1,0.01"]
    refused("train", "-m", *tiny, *words, parts=["choose", "None", "['optimizer.lr']", "one value"])


def test_a_launcher_that_is_not_installed_says_what_to_install() -> None:
    error = MissingConfigException("", "hydra/launcher/submitit_slurm", ["basic", "serial"])
    assert str(translate(error, [])) == (
        "there is no hydra/launcher 'submitit_slurm' as yet: pip install 'seqbench[slurm]'"
    )


def test_torchrun_around_a_sweep_is_refused_by_its_first_process(
    refused: Callable[..., str],
    tiny: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    place = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "1"}
    for name, value in (place | {"RANK": "0", "LOCAL_RANK": "0"}).items():
        monkeypatch.setenv(name, value)
    words = ["-m", *tiny, "trainer=ddp", "trainer.accelerator=cpu", "seed=0,1"]
    refused("train", *words, parts=["-m", "torchrun", "leave torchrun out"])
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert main(words) == 2
    assert capfd.readouterr().err == ""
