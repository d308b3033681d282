"""A trained network in use: predict on raw sequences, evaluate on data."""

import logging
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric.utilities.apply_func import move_data_to_device

from seqbench import build, checkpoint
from seqbench.checks import check_device
from seqbench.choice import Choice
from seqbench.config import validate_node
from seqbench.curves import Gradients
from seqbench.datamodules.base import TaskData
from seqbench.datamodules.ragged import Ragged
from seqbench.datamodules.raw import encode, is_empty
from seqbench.datamodules.sampling import batches_of_tokens
from seqbench.errors import UserError
from seqbench.gradients import measure, require_measurable
from seqbench.isolation import isolated
from seqbench.logs import console
from seqbench.models.cells.base import Backend
from seqbench.models.module import SequenceModule
from seqbench.predictions import Prediction, prediction, with_room
from seqbench.runs import Run
from seqbench.spec import WRITTEN, TaskSpec
from seqbench.trust import check_trust
from seqbench.writing import Author, Sample

log = logging.getLogger(__name__)

TOKENS = {"cpu": 20_000, "cuda": 100_000}
"""Steps of a batch, padding included: bounds the memory whatever the lengths are. A larger batch
is the faster one on a GPU, and the slower one on a CPU, whose cache it outgrows."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics, slices, report and baselines of one split, as in result.json.

    rows: how many ``unit`` it has, sequences or tokens. unknown: share of its tokens that the
    vocabulary lacks, None where there is none.
    """

    split: str
    rows: int
    unit: str
    unknown: float | None
    metrics: dict[str, float]
    slices: dict[str, Any]
    report: dict[str, Any]
    baselines: dict[str, dict[str, dict[str, float]]]


class Trained:
    """A trained network, as ``seqbench.load`` gives it.

    path: of the checkpoint. config: of the run. spec: of the task. module: the LightningModule;
    its ``network`` is a plain ``nn.Module``. epochs, steps: that it was trained when it was saved.
    """

    def __init__(
        self,
        path: Path,
        module: SequenceModule,
        kept: dict[str, Any],
        trust: Collection[str],
        device: str,
        threads: int | None,
    ) -> None:
        self.path, self.module, self.trust = path, module, trust
        self.config: dict[str, Any] = kept["config"]
        self.threads: int | None = threads or self.config.get("threads")
        self.fingerprint: str = kept["fingerprint"]
        self.epochs, self.steps = kept["epoch"] + 1, kept["step"]
        self.accelerator = device
        has_gpu = torch.cuda.is_available()
        if device == "gpu" and not has_gpu:
            raise UserError("no GPU is to be found here; use auto or cpu for the device")
        self.device = torch.device("cuda" if has_gpu and device != "cpu" else "cpu")

    @property
    def spec(self) -> TaskSpec:
        return self.module.spec

    def predict(
        self, sequences: Sequence[str | Sequence[float]], *, names: Sequence[str] | None = None
    ) -> list[Prediction]:
        """Predict texts, or sequences of numbers where the task has numbers, in their order.

        names: what to call each in an error. A text longer than the task's ``max_length`` is cut
        as the training data were.

        Raises UserError for what is neither text nor number, or out of range.
        """
        if isinstance(sequences, str):
            raise UserError(f"predict takes a list of sequences, not one text: [{sequences!r}]")
        if self.spec.kind in WRITTEN:
            raise UserError("this network labels nothing: it was trained to write; use generate")
        full = [i for i, sequence in enumerate(sequences) if not is_empty(sequence)]
        found = [Prediction(None, {}, 0, 0)] * len(sequences)
        if not full:
            return found
        called = names or [f"sequence {place}" for place in range(1, len(sequences) + 1)]
        encoded = encode(self.spec, [(called[i], sequences[i]) for i in full])
        module = self.module.to(self.device).eval()
        data = encoded.data
        padded_to = data.steps if isinstance(data, Ragged) else None
        widths = np.maximum(data.lengths, padded_to or 0)
        with self._threads(), self._autocast(), torch.inference_mode():
            for rows in batches_of_tokens(widths, TOKENS[self.device.type]):
                batch = with_room(self.spec, encoded.data[rows])
                said = module(move_data_to_device(batch, self.device)).float()
                said = (said if self.spec.kind == "regress" else said.softmax(-1)).cpu().numpy()
                for i, row in enumerate(rows):
                    counts = int(encoded.tokens[row]), int(encoded.unknown[row])
                    found[full[row]] = prediction(
                        self.spec, said[i], int(batch.lengths[i]), *counts
                    )
        return found

    def predict_file(self, path: str | Path) -> list[Prediction]:
        """Predict what a file of the task's own form asks for, as a series' next values.

        Read by the run's own settings of columns and encoding. Raises UserError where the task
        has no such form, or the file does not fit the network.
        """
        with isolated(self.threads):
            try:
                named = self._task().asked(str(path), self.spec)
            except UserError as error:
                raise UserError(f"{error} (it is read by the settings of the run)") from error
        names, sequences = zip(*named, strict=True)
        return self.predict(sequences, names=names)

    def generate(
        self,
        prompt: str | None = None,
        *,
        length: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        uniform: bool = False,
        num_samples: int = 1,
        seed: int = 0,
        label: str | None = None,
        backend: Backend = "auto",
        show: Callable[[str], None] | None = None,
    ) -> list[Sample]:
        """Write texts that begin with ``prompt``, token by token, with the state carried along.

        prompt: None begins with the start mark, where the task has one. length: most tokens to
        write. temperature, top_k, top_p, uniform: see ``Choice``. seed: the same one gives the
        same texts, the first ones also of a larger ``num_samples``. label: of what to write,
        where the network was trained to. backend: what runs each step, a cell's kernel or its
        equation; on a CPU the equation is the faster one. show: is called
        with the parts of the first text as they come.

        Raises UserError for a prompt that is empty or wholly unknown, a label that is missing or
        unknown, settings that leave nothing to choose from, and a network that only labels.
        """
        choice = Choice(temperature, top_k, top_p, uniform)
        author = Author(self.spec)
        network = self.module.to(self.device).eval().network
        kernel = backend == "native" or (backend == "auto" and self.device.type != "cpu")
        if backend == "native" and network.backend == "reference":
            network = deepcopy(network)  # others may use it at the same time
            network.stack.select_backend(backend)
        with self._threads():
            return author.write(
                network,
                choice,
                prompt,
                label,
                length=length,
                num_samples=num_samples,
                seed=seed,
                kernel=kernel,
                show=show,
            )

    def evaluate(self, split: str = "test", data: str | Path | None = None) -> Evaluation:
        """Measure on a split of the run's own data or, with ``data``, on a file.

        A file is read by the run's settings of columns, encoding and classes; policies on
        contradictions and duplicates are for training alone. Nothing is written but the cache of
        encoded data. Raises UserError where the data are missing, have changed since the training,
        or don't fit the network.
        """
        with isolated(self.threads), console("lines"):
            task = self._task()
            if data is not None:
                split = Path(data).name
                try:
                    task.splits = {split: task.from_file(str(data), self.spec)}
                except UserError as error:
                    raise UserError(f"{error} (it is read by the settings of the run)") from error
            else:
                self._set_up(task, split)
            return self._evaluate(task, split)

    def gradients(self, split: str = "val", rows: int = 32) -> Gradients:
        """How far back the gradient reaches: see ``seqbench.gradients.measure``.

        rows: how many of the split at most, see ``TaskData.probe``. Nothing is written but the
        cache of encoded data. Raises UserError as ``evaluate`` does, and for a network that
        cannot be measured.
        """
        require_measurable(self.module.network, self.spec)
        with isolated(self.threads), console("lines"):
            task = self._task()
            self._set_up(task, split)
            batch = task.probe(split, rows)
            network = self.module.to(self.device).network
            found = measure(network, self.spec, batch, self.epochs, self.steps)
        return Gradients.of(split, len(batch.lengths), [found])

    def _task(self) -> TaskData:
        node = self.config["task"]
        check_trust(node, self.path, self.trust)
        validate_node(node, "task", build.SUPPLIED)
        cache = os.environ.get("SEQBENCH_CACHE_DIR", self.config["paths"]["cache_dir"])
        return build.data(self.config | {"paths": {"cache_dir": cache}})

    def _set_up(self, task: TaskData, split: str) -> None:
        try:
            task.prepare_data()
            task.setup()
        except UserError as error:
            raise UserError(f"the data of this run cannot be read here: {error}") from error
        if task.fingerprint != self.fingerprint:
            raise UserError(
                "these are not the data that the run was trained on: has the file changed since, "
                "or SEQBENCH_DATA_DIR? --data PATH evaluates a file as it is"
            )
        if task.spec.vocabulary != self.spec.vocabulary:
            raise UserError(
                "this version of seqbench cuts the data into other tokens than the one that trained"
                " the run; train it anew, or use that version"
            )
        if split not in task.splits:
            raise UserError(f"there is no split {split!r}; there are {', '.join(task.splits)}")

    def _evaluate(self, task: TaskData, split: str) -> Evaluation:
        precision = self.config["trainer"].get("precision", "32-true")
        node = {"accelerator": self.accelerator, "precision": precision}
        try:
            check_device(node)
        except UserError:  # float16 without a GPU: the weights are float32 all the same
            node["precision"] = "32-true"
        trainer = build.trainer(
            {"trainer": {"_target_": "lightning.pytorch.Trainer", "devices": 1, **node}},
            Path(os.devnull),
            callbacks=[],
            loggers=[],
            bar=False,
        )
        name = "evaluated"  # a name that train and val have not taken
        characters = {name: task.characters[split]} if split in task.characters else {}
        module = SequenceModule(
            self.module.network,
            self.spec,
            tests=[name],
            config=self.config,
            characters=characters,
        )
        trainer.test(module, dataloaders=[task.loader(split)], verbose=False)
        self.module.to(self.device, torch.float32)
        return Evaluation(
            split,
            len(task.splits[split]),
            task.unit,
            task.facts.get("unknown_rate", {}).get(split),
            module.results[name],
            module.slices[name],
            module.reports[name],
            {name: {split: by[split]} for name, by in task.baselines.items() if split in by},
        )

    @contextmanager
    def _threads(self) -> Iterator[None]:
        """Of torch's settings only this one, so that several threads may predict."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads or before)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def _autocast(self) -> torch.autocast:
        """The precision that the network was trained with."""
        kind = str(self.config["trainer"].get("precision", ""))
        half = kind == "16-mixed" and self.device.type == "cuda"
        dtype = torch.float16 if half else torch.bfloat16
        return torch.autocast(self.device.type, dtype, enabled=half or kind == "bf16-mixed")


def load(
    run: str | Path,
    *,
    trust: Collection[str] = (),
    device: str = "auto",
    threads: int | None = None,
) -> Trained:
    """A trained network, from a run directory, a directory above one run, or a checkpoint alone.

    trust: packages outside seqbench whose classes may be built, where the checkpoint names any;
    see ``seqbench.trust``.
    device: ``auto``, ``cpu`` or ``gpu``. threads: of torch, while it is used; by default as many
    as the run was told to use.

    Raises UserError where there is no such run, or its checkpoint cannot be used.
    """
    path = checkpoint.find(run)
    folder = path.absolute().parent.parent
    if (folder / "status.json").exists() and (status := Run(folder).status()) != "ok":
        log.warning("%s: this run is %s; its best checkpoint so far is used", run, status)
    with isolated(threads):  # building a network draws random numbers
        module, kept = checkpoint.load(path, trust)
    return Trained(path, module, kept, trust, device, threads)
