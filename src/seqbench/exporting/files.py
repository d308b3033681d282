"""A trained network to ``FILE.onnx`` and ``FILE.json``: both, or neither."""

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from seqbench.errors import UserError, place
from seqbench.files import is_full, no_room, sync, sync_folder

if TYPE_CHECKING:
    from seqbench.trained import Trained

PACKAGES = ("onnx", "onnxruntime", "onnxscript")


class Exported(NamedTuple):
    """network, card: where the two files lie. difference: of file and network, as compared."""

    network: Path
    card: Path
    difference: float


def check_packages() -> None:
    """Raise UserError, with the command that brings them, where packages are missing."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UserError(
            f"export needs {' and '.join(missing)}, not to be found here; "
            "pip install 'seqbench[onnx]'"
        )


def check_output(output: str | Path, overwrite: bool) -> tuple[Path, Path]:
    """Where the network and its card are to lie.

    Raises UserError for a name that does not end with .onnx, a folder that there is not, and,
    unless they may be overwritten, for files that are there.
    """
    network = place(output)
    if network.suffix != ".onnx" or network.is_dir():
        raise UserError(f"--output {output}: give a file whose name ends with .onnx")
    if not network.parent.is_dir():
        raise UserError(f"--output {output}: there is no folder {network.parent}; make it first")
    both = network, network.with_suffix(".json")
    for path in both:
        if path.is_dir():
            raise UserError(f"{path}: is a folder; give another --output")
        if (path.exists() or path.is_symlink()) and not overwrite:
            raise UserError(_there(path))
    return both


def export(
    trained: "Trained", output: str | Path = "model.onnx", *, overwrite: bool = False
) -> Exported:
    """Write a network as ``output`` and, beside it, what one must know to use it (``card``).

    It computes in float32, whatever precision it was trained in. The file is compared with the
    network before it is kept. overwrite: whether files that are there may be replaced.

    Raises UserError where packages are missing, for an output that cannot be written, for a
    network that cannot be exported, and for a file that computes something else; RunError where
    the disk is full.
    """
    check_packages()
    targets = check_output(output, overwrite)

    from seqbench.exporting.card import card
    from seqbench.exporting.compare import File, compare
    from seqbench.exporting.forms import form_of
    from seqbench.exporting.translate import translate
    from seqbench.isolation import isolated

    # Of a name that no other process has.
    partial = [path.with_name(f".{path.name}.{uuid4().hex}.partial") for path in targets]
    with isolated(trained.threads):
        form = form_of(trained.module.cpu().eval().network, trained.spec).eval()
        try:
            partial[0].touch()  # before the work, if there can be no such file
            translate(form, partial[0])
            file = File(partial[0])
            difference = compare(file, form)
            content = card(trained, form, file, partial[0], difference)
            partial[1].write_text(_by_key(content), "utf-8")
            for written in partial:
                sync(written)
            _keep(partial, targets, overwrite)
            sync_folder(targets[0].parent)
        except FileExistsError as error:  # in the meantime
            raise UserError(_there(Path(error.filename or output))) from error
        except OSError as error:
            if is_full(error):
                raise no_room(error, place(output)) from error
            raise UserError(f"{output}: cannot be written: {error.strerror or error}") from error
        finally:
            for written in partial:
                written.unlink(missing_ok=True)
    return Exported(*targets, difference)


def _keep(written: Sequence[Path], targets: Sequence[Path], overwrite: bool) -> None:
    """Give the files their names: both, or neither where one is taken that may not be replaced."""
    claimed: list[Path] = []
    try:
        for path in () if overwrite else targets:
            path.touch(exist_ok=False)
            claimed.append(path)
        for partial, path in zip(written, targets, strict=True):
            partial.replace(path)
    except OSError:
        for path in claimed:
            path.unlink()
        raise


def _there(path: Path) -> str:
    return f"{path}: is there already; give another --output, or --overwrite"


def _by_key(content: dict[str, Any]) -> str:
    """JSON with a line for each key, so that a vocabulary takes no page."""
    lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in content.items()]
    return "{\n  " + ",\n  ".join(lines) + "\n}\n"
