"""A trained network as a file for other programs: ``python -m seqbench.export RUN``.

Exit status: 0 done, 2 the user's mistake, 130 ended by Ctrl-C.
"""

import sys

from seqbench.commands import guarded, parser
from seqbench.exporting.files import check_output, check_packages, export


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name); its exit status."""
    return guarded(_export, argv)


def _export(arguments: list[str], show_traceback: bool) -> int:
    command = parser("export", "Write a network for programs without torch.", device=False)
    command.add_argument("--format", choices=("onnx",), default="onnx", help="default: onnx")
    command.add_argument(
        "--output",
        metavar="FILE.onnx",
        default="model.onnx",
        help="FILE.json, which tells how to use it, will lie beside it; default: model.onnx",
    )
    command.add_argument("--overwrite", action="store_true", help="replace files that are there")
    chosen = command.parse_intermixed_args(arguments)
    check_packages()
    check_output(chosen.output, chosen.overwrite)

    from seqbench.trained import load

    trained = load(chosen.run, trust=chosen.trust, device="cpu", threads=chosen.threads)
    made = export(trained, chosen.output, overwrite=chosen.overwrite)
    print(made.network)
    print(made.card)
    return 0


if __name__ == "__main__":
    sys.exit(main())
