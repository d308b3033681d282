"""Texts written by a trained network, a token at a time, at the same cost for each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

from seqbench.choice import Choice
from seqbench.datamodules.raw import valid_text
from seqbench.datamodules.texts.encoder import PADDING_ID, UNKNOWN_ID
from seqbench.datamodules.texts.tokens import Tokens
from seqbench.errors import UserError, nearest, short
from seqbench.models.network import Network
from seqbench.models.stack import StackState
from seqbench.spec import WRITTEN, TaskSpec

TOGETHER, AT_ONCE = 64, 1_000
"""Samples written in one batch, and tokens of a prompt read at once."""


def heading_of(number: int) -> str:
    """What stands before a text among several that may hold any line."""
    return f"--- {number} ---"


@dataclass(frozen=True)
class Start:
    """ids: of the tokens to begin with. label: index, or None. unknown: tokens without an id."""

    ids: Sequence[int]
    label: int | None
    unknown: list[str]


@dataclass(frozen=True)
class Sample:
    """A text that a network has written.

    text: all of it, the prompt included. tokens: how many were written. ended: by its end mark,
    not by its length. unknown: the prompt's tokens that the vocabulary lacks.
    """

    text: str
    tokens: int
    ended: bool
    unknown: list[str]


class Author:
    """Writes with the networks of a task.

    Raises UserError for a task whose networks write nothing.
    """

    def __init__(self, spec: TaskSpec) -> None:
        if spec.kind not in WRITTEN:
            raise UserError("this network writes no text: it was trained to label; use predict")
        self.spec = spec
        self.tokens = Tokens.from_spec(spec)

    def start(self, prompt: str | None, label: str | None = None) -> Start:
        """What to begin with; ``prompt`` None begins with the start mark, or with a line.

        Raises UserError for a prompt that is empty or wholly unknown, and for a label that is
        missing or that there is not.
        """
        chosen = self._label(label)
        first = self.spec.start_id
        ids = [] if first is None else [first]
        words = [] if prompt is None else self.tokens.split(valid_text("prompt", prompt))
        if prompt is not None and not words:
            why = "" if first is None else "; leave it out to begin with the first letter"
            raise UserError(f"the prompt is empty{why}")
        if prompt is None and first is None:
            if self.tokens.end is None:
                raise UserError("give a prompt: this network goes on with a text that has begun")
            ids = [self.tokens.end]
        encoded = self.tokens.encode(words)
        unknown = list(
            dict.fromkeys(w for w, i in zip(words, encoded, strict=True) if i == UNKNOWN_ID)
        )
        if unknown and {*encoded} <= {UNKNOWN_ID, self.tokens.end}:
            raise UserError(
                f"nothing of the prompt is in the vocabulary: {short(', '.join(unknown))}"
            )
        return Start([*ids, *encoded], chosen, unknown)

    def _label(self, label: str | None) -> int | None:
        labels = self.spec.labels if self.spec.kind == "write" else ()
        if not labels:
            if label is not None:
                raise UserError(f"label {short(label)}: this network writes without a label")
            return None
        if label is None:
            raise UserError(f"give a label: {short(', '.join(labels), 300)}")
        if label not in labels:
            raise UserError(f"label {short(label)}: no such label{nearest(label, labels)}")
        return labels.index(label)

    def write(
        self,
        network: Network,
        choice: Choice,
        prompt: str | None = None,
        label: str | None = None,
        *,
        length: int = 100,
        num_samples: int = 1,
        seed: int = 0,
        kernel: bool = False,
        show: Callable[[str], None] | None = None,
    ) -> list[Sample]:
        """Texts by a network in evaluation mode, that begin with ``prompt``.

        See ``Trained.generate``. kernel: write by what the cells run, else by their equations.
        """
        for name, number, least in (
            ("length", length, 1),
            ("num-samples", num_samples, 1),
            ("seed", seed, 0),
        ):
            if not isinstance(number, Integral) or int(number) < least:
                raise UserError(f"{name} {number!r}: should be a whole number, {least} or more")
        start = self.start(prompt, label)
        begin = prompt or ""
        if self.tokens.level != "char":
            begin = begin.rstrip(" \t" if self.tokens.end_of_line else None)
        read = self.read(network, start)
        samples: list[Sample] = []
        for first in range(0, num_samples, TOGETHER):
            places = range(first, min(first + TOGETHER, num_samples))
            texts = [[begin] for _ in places]
            last = [start.ids[-1]] * len(places)
            if show and not first:
                show(texts[0][0])
            seeds = [(seed, place) for place in places]
            for ids in self.steps(network, read, choice, length, seeds, kernel):
                for row, i in enumerate(ids):
                    if i < 0:
                        continue
                    texts[row].append(self._piece(last[row], i))
                    last[row] = i
                    if show and first == row == 0:
                        show(texts[0][-1])
            samples += [
                Sample("".join(text), len(text) - 1, len(text) - 1 < length, start.unknown)
                for text in texts
            ]
        return samples

    @torch.inference_mode()
    def read(self, network: Network, start: Start) -> tuple[Tensor, StackState]:
        """The hidden ``(1, F)`` and the state of one row after the tokens to begin with."""
        device = next(network.parameters()).device
        tokens = torch.tensor([start.ids], device=device)
        label = None if start.label is None else tokens.new_tensor([start.label])
        state = network.begin(1, label)
        for part in torch.split(tokens, AT_ONCE, 1):
            hidden, state = network.advance(part, state, tokens.new_tensor([part.shape[1]]))
        return hidden[:, -1], state

    def steps(
        self,
        network: Network,
        read: tuple[Tensor, StackState],
        choice: Choice,
        length: int,
        seeds: Sequence[Sequence[int]],
        kernel: bool,
    ) -> Iterator[list[int]]:
        """Step by step the next token of each sample, -1 of one that has ended.

        A sample ends with its end mark, which is not given, or after ``length`` tokens. Padding,
        unknown tokens and start marks are never written. read: as ``read`` gives it. seeds: of
        each sample's random numbers.
        """
        randoms = [np.random.default_rng(seed) for seed in seeds]
        samples, device = len(randoms), read[0].device
        with torch.inference_mode():
            hidden = read[0].repeat(samples, 1)
            state = tuple(
                tuple(part.repeat(samples, *[1] * (part.dim() - 1)) for part in cell)
                for cell in read[1]
            )
        lengths = torch.ones(samples, dtype=torch.long, device=device)
        never = [PADDING_ID, UNKNOWN_ID, *([] if (s := self.spec.start_id) is None else [s])]
        barred = torch.tensor(never, device=device)
        alive = [True] * samples
        for step in range(length):
            with torch.inference_mode():
                logits = network.head.predict(hidden).index_fill(-1, barred, -torch.inf)
                draws = torch.tensor([random.random() for random in randoms], dtype=torch.double)
                chosen = choice(logits, draws.to(device))
            ids = chosen.tolist()
            alive = [a and i != self.spec.end_id for a, i in zip(alive, ids, strict=True)]
            if not any(alive):
                return
            yield [i if a else -1 for a, i in zip(alive, ids, strict=True)]
            if step + 1 < length:
                with torch.inference_mode():
                    if kernel:
                        output, state = network.advance(chosen.unsqueeze(1), state, lengths)
                        hidden = output[:, -1]
                    else:
                        hidden, state = network.step(chosen, state)

    def _piece(self, before: int, token: int) -> str:
        """What ``token`` adds to a text that ends with ``before``."""
        return self.tokens.text([before, token])[len(self.tokens.text([before])) :]
