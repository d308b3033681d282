"""Labels for texts or numbers, by a trained network: ``python -m seqbench.predict RUN TEXT ...``.

Exit status: 0 done, 2 the user's mistake, 130 ended by Ctrl-C, 141 if the reader has gone.
"""

import argparse
import codecs
import io
import json
import sys
from collections.abc import Generator
from contextlib import closing, nullcontext
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING

from seqbench.commands import guarded, parser
from seqbench.errors import UserError, place

if TYPE_CHECKING:
    from seqbench.trained import Prediction

CHUNK = 1_000
"""Lines predicted at a time."""
DIGITS = 6
"""Of a probability in JSON."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name); its exit status."""
    return guarded(_predict, argv)


def _predict(arguments: list[str], show_traceback: bool) -> int:
    command = parser("predict", "Labels for texts, or for numbers with spaces between.")
    command.add_argument("text", nargs="*", metavar="TEXT", help="a sequence; - reads lines")
    command.add_argument("--input", metavar="FILE", help="a sequence a line; - is standard input")
    command.add_argument("--encoding", default="utf-8", help="of FILE; default: utf-8")
    command.add_argument(
        "--format",
        choices=("table", "jsonl"),
        help="default: a table on a terminal, JSON lines elsewhere",
    )
    command.add_argument("--top", type=int, metavar="N", help="show the N likeliest classes only")
    chosen = command.parse_intermixed_args(arguments)
    if chosen.top is not None and chosen.top < 1:
        raise UserError(f"--top {chosen.top}: should be 1 or more")
    chunks = _chunks(chosen)

    from seqbench.trained import load

    trained = load(chosen.run, trust=chosen.trust, device=chosen.device, threads=chosen.threads)
    as_table = chosen.format == "table" or (chosen.format is None and sys.stdout.isatty())
    empty = strange = 0
    shown: list[tuple[str, Prediction]] = []
    with closing(chunks):
        for names, texts in chunks:
            found = trained.predict(texts, names=names)
            empty += sum(each.label is None and each.values is None for each in found)
            strange += sum(0 < each.tokens == each.unknown for each in found)
            if as_table:
                shown += zip(texts, found, strict=True)
                continue
            for text, each in zip(texts, found, strict=True):
                print(_json_line(text, each, chosen.top))
            sys.stdout.flush()
    if as_table:
        _show(shown, chosen.top)
    if empty:
        print(f"seqbench: {empty} empty: no label", file=sys.stderr)
    if strange:
        print(
            f"seqbench: {strange} without a known token: the label tells nothing", file=sys.stderr
        )
    return 0


def _chunks(chosen: argparse.Namespace) -> Generator[tuple[list[str], list[str]]]:
    """What to call each sequence in a message, and the sequences."""
    texts: list[str] = chosen.text
    encoding = _encoding(chosen.encoding)
    file = "-" if texts == ["-"] else chosen.input
    if bool(texts) == bool(chosen.input):
        raise UserError("give one of: texts, --input FILE, or - for standard input")
    if file is None:
        names = [f"text {place}" for place in range(1, len(texts) + 1)]
        for name, text in zip(names, texts, strict=True):
            if not text.strip():
                raise UserError(f"{name} is empty")
        yield names, texts
        return
    where = "standard input" if file == "-" else file
    try:
        # What cannot be decoded becomes surrogates, so that the line can be named.
        with nullcontext(sys.stdin.buffer) if file == "-" else place(file).open("rb") as opened:
            stream = io.TextIOWrapper(opened, encoding, errors="surrogateescape", newline="\n")
            try:
                named = ((f"{where}: line {n}", line) for n, line in enumerate(stream, start=1))
                while chunk := list(islice(named, CHUNK)):
                    yield (
                        [name for name, _ in chunk],
                        [_decoded(name, line, chosen.encoding) for name, line in chunk],
                    )
            finally:
                stream.detach()  # or it would close standard input
    except OSError as error:
        raise UserError(f"{where}: cannot be read: {error.strerror}") from error
    except UnicodeError as error:
        raise UserError(
            f"{where}: not in the encoding {chosen.encoding} ({error}); give another with "
            "--encoding, for instance utf-8"
        ) from error


def _decoded(name: str, line: str, encoding: str) -> str:
    if any("\udc80" <= character <= "\udcff" for character in line):
        raise UserError(
            f"{name} is not in the encoding {encoding}; give another with --encoding, for instance "
            "cp1251"
        )
    return line.rstrip("\r\n")


def _encoding(name: str) -> str:
    try:
        "".encode(name)
        found = codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise UserError(f"--encoding {name}: no such encoding; try utf-8") from error
    return "utf-8-sig" if found == "utf-8" else found  # less a byte order mark, if there is one


def _json_line(text: str, found: "Prediction", top: int | None) -> str:
    given = found.probabilities
    short: dict[str, float] | list[float] = (
        {name: round(share, DIGITS) for name, share in _likeliest(given, top)}
        if isinstance(given, dict)
        else [round(share, DIGITS) for share in given]
    )
    content = {"text": text, **asdict(found), "probabilities": short}
    if found.values is None:
        del content["values"]
    return json.dumps(content, ensure_ascii=False)


def _likeliest(probabilities: dict[str, float], top: int | None) -> list[tuple[str, float]]:
    return sorted(probabilities.items(), key=lambda item: -item[1])[:top]


def _show(rows: "list[tuple[str, Prediction]]", top: int | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    if any(found.values for _, found in rows):
        table.add_column("values", overflow="fold")
        table.add_column("text", overflow="fold")
        for text, found in rows:
            said = "  ".join(f"{name} {value:.4g}" for name, value in (found.values or {}).items())
            table.add_row(Text(said or "-"), Text(text[:200]))
        Console(highlight=False).print(table)
        return
    a_step = any(isinstance(found.label, list) for _, found in rows)
    table.add_column("label", overflow="fold", no_wrap=not a_step)
    table.add_column("probability", no_wrap=True)
    table.add_column("unknown", justify="right", no_wrap=True)
    table.add_column("text", overflow="fold")
    for text, found in rows:
        label = found.label if isinstance(found.label, str) else " ".join(found.label or "-")
        if isinstance(found.probabilities, dict):
            shares = _likeliest(found.probabilities, top or 3)
            chances = "  ".join(f"{name} {share:.3f}" for name, share in shares)
        else:
            chances = f"{min(found.probabilities):.3f} at least"
        unknown = f"{found.unknown}/{found.tokens}"
        table.add_row(Text(label), Text(chances), unknown, Text(text[:200]))
    Console(highlight=False).print(table)


if __name__ == "__main__":
    sys.exit(main())
