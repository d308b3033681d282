"""Measure a trained network on a split or a file: ``python -m seqbench.evaluate RUN``.

Exit status: 0 done, 2 the user's mistake, 130 ended by Ctrl-C.
"""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from seqbench.commands import guarded, parser
from seqbench.errors import UserError
from seqbench.runs import Run
from seqbench.terminal import plain_console, say, visible

if TYPE_CHECKING:
    from seqbench.trained import Evaluation


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name); its exit status."""
    return guarded(_evaluate, argv)


def _evaluate(arguments: list[str], show_traceback: bool) -> int:
    command = parser("evaluate", "Measure a trained network. Writes nothing unless told.")
    command.add_argument("--split", help="train, val, or a test's name; default: test")
    command.add_argument("--data", metavar="PATH", help="a file like those of its task")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.add_argument(
        "--write", action="store_true", help="keep it in the run, as evaluation-best-SPLIT.json"
    )
    chosen = command.parse_intermixed_args(arguments)
    if chosen.data and chosen.split:
        raise UserError("--data and --split: give one of them; a file is evaluated whole")

    from seqbench.trained import load

    trained = load(chosen.run, trust=chosen.trust, device=chosen.device, threads=chosen.threads)
    run = Run(trained.path.absolute().parent.parent)
    if chosen.write and (chosen.data or not (run.path / "status.json").exists()):
        raise UserError("--write keeps a split's numbers in their run directory, and only there")
    found = trained.evaluate(chosen.split or "test", chosen.data)
    content = {"checkpoint": str(trained.path), **asdict(found)}
    if chosen.write:
        run.write_json(f"evaluation-{trained.path.stem}-{found.split}.json", content)
    if chosen.json:
        say(json.dumps(content, ensure_ascii=False))
    else:
        _show(found)
    return 0


def _show(found: "Evaluation") -> None:
    from seqbench.summary import metrics_table, show_classes

    console = plain_console()
    unknown = "" if found.unknown is None else f", {found.unknown:.2%} of the tokens unknown"
    title = f"{found.split}: {found.rows:,} {found.unit}{unknown}"
    console.print(visible(title), style="bold", soft_wrap=True)
    console.print(metrics_table({found.split: found.metrics}, found.baselines))
    show_classes(console, {found.split: found.report}, "given by --json")


if __name__ == "__main__":
    sys.exit(main())
