"""Digits as sequences of pixels."""

import gzip
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from omegaconf import OmegaConf

from seqbench.datamodules.base import TaskData
from seqbench.datamodules.features import as_vectors
from seqbench.datamodules.images.idx import Images
from seqbench.datamodules.images.sequences import pixel_statistics
from seqbench.datamodules.mnist import MNIST
from seqbench.places import CONF

Files = Callable[..., dict[str, bytes]]
Bytes = npt.NDArray[np.uint8]


def written(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def folder(tmp_path: Path, idx_files: Files) -> Path:
    return written(tmp_path / "digits", idx_files())


def made(folder: Path, **settings: Any) -> MNIST:
    data = MNIST(cache_dir=str(folder / "cache"), path=str(folder), **settings)
    data.setup()
    return data


def pixels(files: dict[str, bytes], part: str, size: tuple[int, int] = (28, 28)) -> Bytes:
    """``(N, rows * columns)``, past the header of 16 bytes."""
    raw = np.frombuffer(files[f"{part}-images-idx3-ubyte"][16:], np.uint8)
    return raw.reshape(-1, size[0] * size[1])


def labels(files: dict[str, bytes], part: str) -> Bytes:
    return np.frombuffer(files[f"{part}-labels-idx1-ubyte"][8:], np.uint8)


def read(data: MNIST, split: str) -> Bytes:
    """Each row of a split as the network reads it, in the data's own units: ``(N, T, D)``."""
    batch = data.splits[split][np.arange(len(data.splits[split]))]
    encoding = data.spec.encoding
    values = batch.inputs.numpy() * encoding["scale"][0] + encoding["center"][0]
    assert np.abs(values - values.round()).max() < 1e-3
    whole: Bytes = values.round().astype(np.uint8)
    return whole


@pytest.mark.parametrize("step", [784, 28, 4, 1])
def test_an_image_is_its_pixels_step_by_step(folder: Path, idx_files: Files, step: int) -> None:
    data = made(folder, step=step)
    batch = data.splits["test"][np.arange(20)]
    assert batch.inputs.shape == (20, 784 // step, step)
    assert batch.lengths.tolist() == [784 // step] * 20
    assert (read(data, "test").reshape(20, 784) == pixels(idx_files(), "t10k")).all()
    assert batch.targets.tolist() == labels(idx_files(), "t10k").tolist()
    assert (data.spec.kind, data.spec.features) == ("classify", True)
    assert (data.spec.input_size, data.spec.output_size) == (step, 10)
    assert data.spec.labels == tuple("0123456789")
    assert {split.values.dtype for split in data.splits.values()} == {np.dtype(np.uint8)}


def test_images_of_another_size(tmp_path: Path, idx_files: Files) -> None:
    files = idx_files(size=(20, 6))
    data = made(written(tmp_path / "small", files), step=8)
    assert read(data, "test").shape == (20, 15, 8)
    assert (read(data, "test").reshape(20, 120) == pixels(files, "t10k", (20, 6))).all()
    assert data.facts["image"] == [20, 6]


def test_validation_is_drawn_from_train_by_label(folder: Path, idx_files: Files) -> None:
    data = made(folder, val_fraction=0.25)
    assert data.facts["sizes"] == {"train": 30, "val": 10, "test": 20}
    assert data.facts["class_counts"]["val"] == dict.fromkeys("0123456789", 1)
    assert data.facts["class_counts"]["train"] == dict.fromkeys("0123456789", 3)
    keys = [row.tobytes() for row in pixels(idx_files(), "train")]
    together = np.concatenate([read(data, "train"), read(data, "val")]).reshape(40, 784)
    assert sorted(row.tobytes() for row in together) == sorted(keys)
    by_pixels = dict(zip(keys, labels(idx_files(), "train").tolist(), strict=True))
    for split in ("train", "val"):
        rows = [row.tobytes() for row in read(data, split)]
        assert [by_pixels[row] for row in rows] == data.splits[split].targets.tolist()
    other, same = (made(folder, val_fraction=0.25, **{key: 5}) for key in ("data_seed", "seed"))
    assert (read(same, "val") == read(data, "val")).all()
    assert (read(other, "val") != read(data, "val")).any()


def test_pixels_are_scaled_by_those_of_train(folder: Path) -> None:
    data = made(folder, step=1)
    train = data.splits["train"][np.arange(len(data.splits["train"]))].inputs
    assert float(train.mean()) == pytest.approx(0, abs=1e-4)
    assert float(train.std()) == pytest.approx(1, abs=1e-4)
    test = data.splits["test"][np.arange(20)].inputs
    assert abs(float(test.mean())) > 1e-4  # of other pixels


def test_statistics_of_more_images_than_are_counted_at_a_time() -> None:
    values = np.random.default_rng(0).integers(0, 255, (2500, 2, 3), np.uint8)
    rows = np.arange(1, 2500)
    mean, deviation = pixel_statistics(Images(values, values[:, 0, 0]), rows)
    assert mean == pytest.approx(values[rows].mean())
    assert deviation == pytest.approx(values[rows].std())
    black = Images(np.zeros((3, 2, 2), np.uint8), np.zeros(3, np.uint8))
    assert pixel_statistics(black, np.arange(3)) == (0.0, 1.0)


def test_one_permutation_for_all_splits_by_a_seed_of_its_own(folder: Path) -> None:
    plain, permuted = made(folder, step=4), made(folder, step=4, permute=True)
    order = permuted.spec.encoding["order"]
    assert sorted(order) == list(range(784))
    for split in ("train", "val", "test"):
        flat = read(plain, split).reshape(-1, 784)
        assert (read(permuted, split).reshape(-1, 784) == flat[:, order]).all()
    again = made(folder, permute=True, seed=3, data_seed=4)
    assert again.spec.encoding["order"] == order
    assert made(folder, permute=True, permute_seed=1).spec.encoding["order"] != order
    assert plain.spec.encoding["order"] is None
    # For good: results with a permutation can be compared with those of another year.
    assert order[:6] == FIRST


FIRST = [269, 11, 403, 600, 196, 608]


@pytest.mark.parametrize("permute", [False, True])
def test_raw_numbers_become_what_the_data_hold(
    folder: Path, idx_files: Files, permute: bool
) -> None:
    data = made(folder, step=7, permute=permute)
    rows = np.arange(20)
    raw = as_vectors(data.spec, [*pixels(idx_files(), "t10k").astype(float)])
    assert raw[rows].inputs.equal(data.splits["test"][rows].inputs)


def test_the_fingerprint_is_that_of_pixels_labels_and_order(
    folder: Path, tmp_path: Path, idx_files: Files
) -> None:
    want = made(folder).fingerprint
    packed = made(written(tmp_path / "packed", idx_files(packed=True)))
    assert packed.fingerprint == made(folder, step=4, seed=2).fingerprint == want
    assert made(folder, permute=True).fingerprint != want
    for name, content in idx_files().items():
        changed = bytearray(content)
        changed[-1] ^= 1  # a last pixel, a last label
        written(tmp_path / "changed", idx_files() | {name: bytes(changed)})
        assert made(tmp_path / "changed").fingerprint != want


def test_which_files_are_read(tmp_path: Path, idx_files: Files) -> None:
    plain, packed = idx_files(), idx_files(packed=True)
    want = made(written(tmp_path / "plain", plain)).fingerprint
    both = written(tmp_path / "both", dict.fromkeys(packed, b"not read") | plain)
    dots = {name.replace("-idx", ".idx"): content for name, content in plain.items()}
    named_wrong = {name.removesuffix(".gz"): content for name, content in packed.items()}
    assert made(both).fingerprint == want
    assert made(written(tmp_path / "dots", dots)).fingerprint == want
    assert made(written(tmp_path / "wrong", named_wrong)).fingerprint == want


def test_the_majority_and_what_is_noted(folder: Path, idx_files: Files) -> None:
    train = np.array([3] * 10 + [*range(10)] * 3, np.uint8)
    written(folder, {"train-labels-idx1-ubyte": idx_files()["train-labels-idx1-ubyte"][:8]})
    with (folder / "train-labels-idx1-ubyte").open("ab") as file:
        file.write(train.tobytes())
    data = made(folder, permute=True)
    assert data.facts["majority"] == "3"
    assert data.baselines["majority"]["test"]["accuracy"] == 0.1
    assert data.baselines["majority"]["val"]["accuracy"] == pytest.approx(
        data.facts["class_counts"]["val"]["3"] / data.facts["sizes"]["val"]
    )
    assert "28 steps of 28 pixels, permuted by seed 0" in data.notes[0]


def test_a_file_is_cut_as_the_network_wants_it(
    folder: Path, tmp_path: Path, idx_files: Files
) -> None:
    trained = made(folder, step=14, permute=True)
    (tmp_path / "copy").mkdir()
    packed = tmp_path / "copy" / "my-images.gz"
    packed.write_bytes(gzip.compress(idx_files()["t10k-images-idx3-ubyte"]))
    packed.with_name("my-labels").write_bytes(idx_files()["t10k-labels-idx1-ubyte"])
    plain = made(folder)  # settings of its own are not asked
    rows = np.arange(20)
    for path in (folder, folder / "t10k-images-idx3-ubyte", packed):
        data = plain.from_file(str(path), trained.spec)
        assert data[rows].inputs.equal(trained.splits["test"][rows].inputs)
        assert data.targets.tolist() == trained.splits["test"].targets.tolist()


def test_the_yaml_has_every_setting() -> None:
    node = OmegaConf.to_container(OmegaConf.load(CONF / "task" / "mnist.yaml"))
    assert isinstance(node, dict)
    signatures = [inspect.signature(each.__init__) for each in (TaskData, MNIST)]
    wanted = {name for signature in signatures for name in signature.parameters}
    left_out = {"self", "kwargs", "settings", "cache_dir", "seed"}
    assert {*node["task"]} == wanted - left_out | {"_target_"}


@pytest.mark.skipif(
    not (Path(os.environ.get("SEQBENCH_DATA_DIR", "/nowhere")) / "mnist").exists(),
    reason="needs the folder mnist under SEQBENCH_DATA_DIR",
)
def test_the_real_data(tmp_path: Path) -> None:
    data = MNIST(cache_dir=str(tmp_path), folder="mnist", step=1)
    data.setup()
    assert data.facts["sizes"] == {"train": 54_001, "val": 5_999, "test": 10_000}
    counts = data.facts["class_counts"]
    both = [counts["train"][digit] + counts["val"][digit] for digit in "0123456789"]
    assert both == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert [*counts["test"].values()] == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert data.facts["pixel_mean"] / 255 == pytest.approx(0.1307, abs=1e-3)
    assert data.facts["pixel_deviation"] / 255 == pytest.approx(0.3081, abs=1e-3)
    assert data.baselines["majority"]["test"]["accuracy"] == 0.1135
    assert next(iter(data.train_dataloader())).inputs.shape == (64, 784, 1)
