"""What the command lines of all verbs share. Needs no torch."""

import argparse
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from seqbench.errors import RunError, UserError, complain, nearest, short
from seqbench.files import is_full, no_room
from seqbench.signals import Ended

TRACEBACK = "--traceback"

MOST_THREADS = 1024
"""Torch ends the process where it cannot make them."""


class Parser(argparse.ArgumentParser):
    """An ordinary command line whose mistakes are UserErrors, as all others are."""

    def error(self, message: str) -> NoReturn:
        _, unknown, word = message.partition("unrecognized arguments: ")
        if unknown and word.startswith("-"):
            option = word.split()[0]
            message = f"unknown option {option}{nearest(option, self._option_string_actions)}"
        raise UserError(f"{short(message, 500)} ({self.prog} --help)")


def parser(verb: str, description: str, *, many: bool = False, device: bool = True) -> Parser:
    """The command line of a verb that starts from a trained network, or from many.

    device: whether it may run elsewhere than on the CPU.
    """
    made = Parser(f"python -m seqbench.{verb}", description=description, allow_abbrev=False)
    made.add_argument(
        "run",
        metavar="RUN",
        nargs="+" if many else None,
        help="a run directory, one above it, or a checkpoint",
    )
    made.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="build networks and tasks of this package, if the checkpoint names any outside "
        "seqbench; or call what has this full name",
    )
    if device:
        made.add_argument(
            "--device",
            choices=("auto", "cpu", "gpu"),
            default="auto",
            help="where it runs; auto takes a GPU if there is one",
        )
    made.add_argument("--threads", type=_threads, help="CPU threads of torch; default: the run's")
    made.add_argument(TRACEBACK, action="store_true", help="show where a mistake was found")
    return made


def _threads(word: str) -> int:
    if not word.isdecimal() or len(word) > 4 or not 1 <= int(word) <= MOST_THREADS:
        raise argparse.ArgumentTypeError(f"{word!r} is no number from 1 to {MOST_THREADS}")
    return int(word)


def guarded(body: Callable[[list[str], bool], int], argv: list[str] | None) -> int:
    """``body(arguments, show_traceback)`` of a command line; its exit status, whatever happens.

    argv: without the program's name; None is this process's own.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    if argv is None and not sys.flags.safe_path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # a package that lies here is found, if nothing else is
    if argv is None:
        _any_letter()
    share_cores()
    show_traceback = TRACEBACK in arguments
    arguments = [argument for argument in arguments if argument != TRACEBACK]
    try:
        status = body(arguments, show_traceback)
        sys.stdout.flush()  # at its end the interpreter would tell a failure in its own way
    except (UserError, RunError) as error:
        return complain(error, show_traceback)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read the output wants no more of it
        _no_more_output()
        return 141
    except OSError as error:
        if not is_full(error):
            raise
        try:
            sys.stdout.flush()
        except OSError:
            _no_more_output()
        return complain(no_room(error, Path("the output")), show_traceback)
    except Ended:  # whoever calls this has ended its process
        raise
    except SystemExit as end:  # of --help, or of an option that Hydra does not know
        return end.code if isinstance(end.code, int) else 1
    return status


def _any_letter() -> None:
    """What an encoding lacks is written by its number, and to a closed output nothing."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _no_more_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def share_cores() -> None:
    """Let OpenMP's threads sleep soon when they wait, not spin for milliseconds.

    Spinning costs nothing on an idle machine, but beside one other busy process it made small
    networks 4 to 50 times slower. To be called before torch is imported; an environment that
    says how they wait has the last word.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = "300"
