"""Labels for texts or numbers, by a trained network: ``python -m seqbench.predict RUN TEXT ...``.

Exit status: 0 done, 2 the user's mistake, 130 ended by Ctrl-C, 141 if the reader has gone.
"""

import argparse
import codecs
import io
import json
import re
import sys
from collections.abc import Generator, Sequence
from contextlib import closing, nullcontext
from itertools import islice
from typing import TYPE_CHECKING

from seqbench.commands import guarded, parser
from seqbench.errors import UserError, place
from seqbench.terminal import plain_console, say, visible

if TYPE_CHECKING:
    from rich.table import Table

    from seqbench.predictions import Prediction

CHUNK = 4_000
"""Lines predicted at a time."""
DIGITS = 6
"""Of a probability in JSON, behind the point."""
FIGURES = 8
"""Of a number that the network gives, in a table."""
UNDECODED = re.compile("[\udc80-\udcff]")
"""What bytes become that are no letters in the encoding of a file."""

Row = tuple[str | None, "Prediction"]
"""What was asked, if it is worth repeating, and what the network says of it."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name); its exit status."""
    return guarded(_predict, argv)


def _predict(arguments: list[str], show_traceback: bool) -> int:
    command = parser("predict", "Labels for texts, or for numbers with spaces between.")
    command.add_argument("text", nargs="*", metavar="TEXT", help="a sequence; - reads lines")
    command.add_argument("--input", metavar="FILE", help="a sequence a line; - is standard input")
    command.add_argument(
        "--data", metavar="FILE", help="a file like that of its task, as a series to go on with"
    )
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
    if chosen.data and (chosen.text or chosen.input):
        raise UserError("--data FILE is predicted on alone; leave texts and --input out")
    chunks = _chunks(chosen)

    from seqbench.trained import load

    trained = load(chosen.run, trust=chosen.trust, device=chosen.device, threads=chosen.threads)
    as_table = chosen.format == "table" or (chosen.format is None and sys.stdout.isatty())
    if chosen.data:
        found = trained.predict_file(chosen.data)
        _print([(None, each) for each in found], chosen.top, as_table)
        return 0
    empty = strange = 0
    shown: list[Row] = []
    with closing(chunks):
        for names, texts in chunks:
            found = trained.predict(texts, names=names)
            empty += sum(each.label is None and each.values is None for each in found)
            strange += sum(0 < each.tokens == each.unknown for each in found)
            # Numbers are not worth repeating.
            said = [None] * len(texts) if trained.spec.features else texts
            rows = list(zip(said, found, strict=True))
            if as_table:
                shown += rows
            else:
                _print(rows, chosen.top, as_table)
    if as_table:
        _print(shown, chosen.top, as_table)
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
    if chosen.data:
        return
    if bool(texts) == bool(chosen.input):
        raise UserError("give one of: texts, --input FILE, --data FILE, or - for standard input")
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
    if UNDECODED.search(line):
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


def _print(rows: "Sequence[Row]", top: int | None, as_table: bool) -> None:
    if as_table:
        _show(rows, top)
        return
    if rows:
        say("\n".join(_json_line(text, found, top) for text, found in rows), flush=True)


def _json_line(text: str | None, found: "Prediction", top: int | None) -> str:
    content = ({} if text is None else {"text": text}) | vars(found)
    if found.values is None:
        given = found.probabilities
        content["probabilities"] = (
            {name: round(share, DIGITS) for name, share in _likeliest(given, top)}
            if isinstance(given, dict)
            else [round(share, DIGITS) for share in given]
        )
        del content["values"]
    else:
        del content["label"], content["probabilities"]
    return json.dumps(content, ensure_ascii=False)


def _likeliest(probabilities: dict[str, float], top: int | None) -> list[tuple[str, float]]:
    return sorted(probabilities.items(), key=lambda item: -item[1])[:top]


def _show(rows: "Sequence[Row]", top: int | None) -> None:
    from rich.table import Table

    console = plain_console()
    numbers = [found.values for _, found in rows if found.values is not None]
    for values in numbers:
        console.print(_grid(values), "")
    if numbers:
        return
    table = Table(box=None, pad_edge=False)
    a_step = any(isinstance(found.label, list) for _, found in rows)
    table.add_column("label", overflow="fold", no_wrap=not a_step)
    table.add_column("probability", no_wrap=True)
    table.add_column("unknown", justify="right", no_wrap=True)
    if any(text is not None for text, _ in rows):
        table.add_column("text", overflow="fold")
    for text, found in rows:
        label = found.label if isinstance(found.label, str) else " ".join(found.label or "-")
        if isinstance(found.probabilities, dict):
            shares = _likeliest(found.probabilities, top or 3)
            chances = "  ".join(f"{name} {share:.3f}" for name, share in shares)
        else:
            chances = f"{min(found.probabilities):.3f} at least"
        unknown = f"{found.unknown}/{found.tokens}"
        texts = [] if text is None else [visible(text[:200], "\n\t")]
        table.add_row(visible(label, "\n\t"), visible(chances), unknown, *texts)
    console.print(table)


def _grid(values: dict[str, float]) -> "Table":
    """Numbers, a row for each step where their names end in ``t+1`` and so on."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    named = [
        name.rpartition(" ") if re.search(r"(^| )t\+\d+$", name) else ("", "", name)
        for name in values
    ]
    columns = list(dict.fromkeys(name for name, _, _ in named))
    table.add_column("")
    for name in columns:
        table.add_column(visible(name or "value"), justify="right")
    for step in dict.fromkeys(step for _, _, step in named):
        cells = {n: f"{values[n + gap + s]:.{FIGURES}g}" for n, gap, s in named if s == step}
        table.add_row(visible(step), *(cells.get(name, "") for name in columns))
    return table


if __name__ == "__main__":
    sys.exit(main())
