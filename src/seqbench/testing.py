"""Checks for a cell of your own: does it keep the contract that ``seqbench.Cell`` states?"""

import copy
import io
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError, gradcheck

from seqbench.errors import UserError
from seqbench.models.cells.base import Cell, State

ROWS, STEPS = 3, 50
EXACT = 1e-8
"""Allowed difference in float64, as a share of the largest number compared, or of 1."""
BF16 = 0.1
"""The same under bfloat16 autocast against float32, after ``STEPS`` steps."""

Results = dict[str, Tensor]


def check_cell(
    cls: Callable[..., Cell], *, input_size: int = 3, hidden_size: int = 8, **settings: Any
) -> None:
    """Check a cell class, built as ``cls(input_size, hidden_size, **settings)``.

    On the CPU, in evaluation mode, in about a second. Raises AssertionError that names the check
    that failed, what differs and by how much. The global random state and the number of threads
    are left as they were.
    """
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.set_num_threads(1)  # threads that wait for each other cost more than this arithmetic
        try:
            _CellCheck(lambda: cls(input_size, hidden_size, **settings)).run()
        finally:
            torch.set_num_threads(threads)


class _CellCheck:
    def __init__(self, build: Callable[[], Cell]) -> None:
        self.build = build
        cell = build()
        self.name = type(cell).__name__
        self.cell = cell.double().eval()
        # Biases of 0 or an identity would hide a gate that reads the wrong one.
        with torch.no_grad():
            for parameter in cell.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
        self.backends: list[Literal["native", "reference"]] = ["reference"]
        try:
            cell.select_backend("native")
            self.backends.append("native")
        except UserError:
            pass
        self.lengths = torch.tensor([STEPS, STEPS // 3, 1])
        padding = torch.arange(STEPS) >= self.lengths.unsqueeze(1)
        self.valid = ~padding.unsqueeze(-1)
        x = torch.randn(ROWS, STEPS, cell.input_size, dtype=torch.float64)
        self.x = torch.where(self.valid, x, 10 * x)

    def run(self) -> None:
        self.initial = self.initial_state()
        self.state = self.one_step()
        self.pure()
        self.state_matters()
        for backend in self.backends:
            self.cell.select_backend(backend)
            self.loop(backend)
            self.chunks(backend)
            self.rows(backend)
            self.autocast(backend)
        if "native" in self.backends:
            self.native()
        self.masked()
        self.cell.select_backend("reference")
        self.gradcheck()
        self.state_dict()

    def fail(self, check: str, what: str) -> None:
        raise AssertionError(f"{self.name}: {check}: {what}")

    def agree(self, check: str, got: Results, want: Results, tolerance: float = EXACT) -> None:
        for what, wanted in want.items():
            if got[what].shape != wanted.shape:
                shapes = f"has shape {tuple(got[what].shape)}, not {tuple(wanted.shape)}"
                self.fail(check, f"{what} {shapes}")
            if wanted.numel() == 0:
                continue
            allowed = tolerance * max(1.0, wanted.abs().max().item())
            difference = (got[what] - wanted).abs().max().item()
            if not difference <= allowed:  # written so that nan fails
                self.fail(check, f"{what} differs by {difference:.1e} (allowed {allowed:.1e})")

    def initial_state(self) -> State:
        """Shapes and types of the state before the first step."""
        check = "initial_state"
        for dtype in (torch.float32, torch.float64):
            state = self.cell.initial_state(ROWS, torch.device("cpu"), dtype)
            if not isinstance(state, tuple) or not all(isinstance(p, Tensor) for p in state):
                self.fail(check, "returns something else than a tuple of tensors")
            for i, part in enumerate(state):
                if part.shape[:1] != (ROWS,):
                    self.fail(check, f"state[{i}] is {tuple(part.shape)} for {ROWS} rows")
                if part.is_floating_point() and part.dtype != dtype:
                    self.fail(check, f"state[{i}] is {part.dtype}, where {dtype} was asked")
        return state

    @torch.no_grad()
    def one_step(self) -> State:
        """What ``step`` returns; the state after some steps, as one that the cell can be in."""
        check, state = "step", self.initial
        for x in torch.randn(5, ROWS, self.cell.input_size, dtype=torch.float64).unbind():
            y, following = self.cell.step(x, state)
            if y.shape != (ROWS, self.cell.output_size):
                output_size = f"output_size says {(ROWS, self.cell.output_size)}"
                self.fail(check, f"the output is {tuple(y.shape)}, where {output_size}")
            before = [(tuple(part.shape), part.dtype) for part in state]
            after = [(tuple(part.shape), part.dtype) for part in following]
            if before != after:
                self.fail(check, f"the state was {before} and comes out as {after}")
            state = following
        size = sum(part.numel() for part in state) // ROWS
        if size != self.cell.state_size:
            self.fail("state_size", f"is {self.cell.state_size}, but a row carries {size} numbers")
        return state

    @torch.no_grad()
    def pure(self) -> None:
        """``step`` changes nothing but what it returns."""
        check, x = "step is pure", self.x[:, 0].clone()
        state = tuple(part.clone() for part in self.state)
        weights = {k: v.clone() for k, v in self.cell.state_dict().items()}
        first = _named(*self.cell.step(x, state))
        self.agree(check, {"its input x": x}, {"its input x": self.x[:, 0]}, 0)
        inputs = {f"its input state[{i}]": part for i, part in enumerate(state)}
        kept = {f"its input state[{i}]": part for i, part in enumerate(self.state)}
        self.agree(check, inputs, kept, 0)
        self.agree(check, dict(self.cell.state_dict()), weights, 0)
        again = _named(*self.cell.step(self.x[:, 0], self.state))
        self.agree(f"{check} (the same step again)", again, first, 0)

    @torch.no_grad()
    def state_matters(self) -> None:
        """Each part of the state is used."""
        same = [torch.equal(a, b) for a, b in zip(self.state, self.initial, strict=True)]
        if all(same):
            self.fail("the state is used", "after 5 steps it is still the initial state")
        x = self.x[:1, :2].expand(ROWS, -1, -1)
        plain = _named(*self.loop_of_steps(x, self.state))
        for i, part in enumerate(self.state):
            # Each row gets another row's; a part that is alike in all rows shows nothing.
            changed = (*self.state[:i], part.roll(1, 0), *self.state[i + 1 :])
            other = _named(*self.loop_of_steps(x, changed))
            if torch.equal(changed[i], part) or any(
                not torch.equal(plain[what], other[what]) for what in plain
            ):
                continue
            self.fail("the state is used", f"another state[{i}] changes nothing (difference 0)")

    @torch.no_grad()
    def masked(self) -> None:
        """Recurrent dropout that drops nothing changes nothing."""
        if self.state[0].is_floating_point():
            mask = torch.ones_like(self.state[0])
            got = _named(*self.cell.masked_step(self.x[:, 0], self.state, mask))
            want = _named(*self.cell.step(self.x[:, 0], self.state))
            self.agree("masked_step with a mask of ones = step", got, want)

    def loop_of_steps(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        outputs = []
        for x_t in x.unbind(1):
            y, state = self.cell.step(x_t, state)
            outputs.append(y)
        return torch.stack(outputs, 1), state

    @torch.no_grad()
    def loop(self, backend: str) -> None:
        """forward is a loop of steps, from a given state and from none."""
        for start, given in (("a state", self.state), ("no state", None)):
            want = _named(*self.loop_of_steps(self.x, given or self.initial))
            got = _named(*self.cell(self.x, given))
            self.agree(f"{backend} forward = loop of steps, from {start}", got, want)

    @torch.no_grad()
    def chunks(self, backend: str) -> None:
        """One pass is two with the state carried."""
        want = _named(*self.cell(self.x, self.state))
        first, state = self.cell(self.x[:, :20], self.state)
        second, state = self.cell(self.x[:, 20:], state)
        got = _named(torch.cat([first, second], 1), state)
        self.agree(f"{backend}: one pass = two chunks with the state carried", got, want)

    def rows(self, backend: str) -> None:
        """Padding and other rows change nothing."""
        alone: list[Results] = []
        for i, length in enumerate(self.lengths.tolist()):
            state = tuple(part[i : i + 1] for part in self.state)
            row = self.results(self.x[i : i + 1, :length], state)
            for what in ("output", "gradient of x"):
                row[what] = torch.nn.functional.pad(row[what], (0, 0, 0, STEPS - length))
            alone.append(row)
        want = {}
        for what in alone[0]:
            parts = [row[what] for row in alone]
            shared = what.startswith("gradient of parameter")
            want[what] = torch.stack(parts).sum(0) if shared else torch.cat(parts)
        check = f"{backend}: a row in a padded batch = the row alone"
        self.agree(check, self.results(self.x, self.state, self.lengths), want)
        with torch.no_grad():
            y, _ = self.cell(self.x, self.state)
        got = {"output": torch.where(self.valid, y, 0)}
        self.agree(f"{check}, without lengths", got, {"output": want["output"]})

    def native(self) -> None:
        """The native kernel is the reference."""
        for lengths in (None, self.lengths):
            both = []
            for backend in self.backends:
                self.cell.select_backend(backend)
                both.append(self.results(self.x, self.state, lengths))
            check = "native = reference" + (", with lengths" if lengths is not None else "")
            self.agree(check, both[1], both[0])

    def results(self, x: Tensor, state: State, lengths: Tensor | None = None) -> Results:
        """Output in valid steps, final state, and the gradients of both by everything."""
        x = x.detach().requires_grad_()
        state = tuple(p.detach().requires_grad_(p.is_floating_point()) for p in state)
        y, final = self.cell(x, state, lengths)
        if lengths is not None:
            y = torch.where(self.valid, y, 0)
        if not y.requires_grad:
            self.fail("gradients", "the output carries none")
        named = _named(y, final)
        loss = torch.stack([(v**2).sum() for v in named.values() if v.is_floating_point()]).sum()
        leaves = {"gradient of x": x}
        leaves |= {f"gradient of state[{i}]": p for i, p in enumerate(state) if p.requires_grad}
        leaves |= {
            f"gradient of parameter {name}": p
            for name, p in self.cell.named_parameters()
            if p.requires_grad
        }
        gradients = torch.autograd.grad(
            loss, list(leaves.values()), allow_unused=True, materialize_grads=True
        )
        named = {what: value.detach() for what, value in named.items()}
        return named | dict(zip(leaves, gradients, strict=True))

    def autocast(self, backend: str) -> None:
        """bfloat16 autocast stays near float32, its state in float32."""
        check = f"{backend}, bf16 autocast"
        cell, whole = self.cell, self.state
        self.cell = copy.deepcopy(cell).float()
        state = tuple(p.float() if p.is_floating_point() else p for p in whole)
        x = torch.where(self.valid, self.x, self.x / 10).float()
        want = self.results(x, state, self.lengths)
        with torch.autocast("cpu", torch.bfloat16):
            got = self.results(x, state, self.lengths)
            _, final = self.cell(x.bfloat16())
        for i, part in enumerate(final):
            if part.is_floating_point() and part.dtype != torch.float32:
                self.fail(check, f"state[{i}] is {part.dtype}, not torch.float32")
        values = {what: v for what, v in want.items() if not what.startswith("gradient")}
        self.agree(check, got, values, BF16)
        for what, value in got.items():
            if not value.isfinite().all():
                self.fail(check, f"{what} is not finite")
        self.cell = cell

    def gradcheck(self) -> None:
        """Gradients against finite differences."""
        weights = {k: p for k, p in self.cell.named_parameters() if p.requires_grad}
        floats = [i for i, part in enumerate(self.state) if part.is_floating_point()]

        def run(x: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
            state = list(self.state)
            for i, part in zip(floats, rest, strict=False):
                state[i] = part
            given = dict(zip(weights, rest[len(floats) :], strict=True))
            y, final = torch.func.functional_call(self.cell, given, (x, tuple(state)))
            return (y, *(part for part in final if part.is_floating_point()))

        leaves = [self.x[:, :4], *(self.state[i] for i in floats), *weights.values()]
        leaves = [leaf.detach().clone().requires_grad_() for leaf in leaves]
        try:
            gradcheck(run, leaves, fast_mode=True)
        except GradcheckError as error:
            self.fail("gradcheck in float64", str(error))

    @torch.no_grad()
    def state_dict(self) -> None:
        """A checkpoint holds all there is to know."""
        file = io.BytesIO()
        torch.save(self.cell.state_dict(), file)
        file.seek(0)
        other = self.build().double().eval()
        other.load_state_dict(torch.load(file, weights_only=True))
        want = _named(*self.cell(self.x, self.state))
        self.agree("state dict round trip", _named(*other(self.x, self.state)), want)


def _named(output: Tensor, state: State) -> Results:
    return {"output": output} | {f"final state[{i}]": part for i, part in enumerate(state)}
