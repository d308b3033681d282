"""python -m benchmarks [ROW ...]"""

import os
import sys
import traceback

from benchmarks import results
from benchmarks.rows import rows
from seqbench.commands import Parser, guarded

ABOUT = (
    "What seqbench costs beside what else a user would run. Each row runs both sides in turn, with "
    "the same threads, prints the ratio beside its target, and goes into benchmarks/results.json."
)


def main(argv: list[str] | None = None) -> int:
    return guarded(lambda arguments, _: _main(arguments), argv)


def _main(arguments: list[str]) -> int:
    made = Parser("python -m benchmarks", description=ABOUT, allow_abbrev=False)
    made.add_argument("row", nargs="*", metavar="ROW", help="a row, or what its name begins with")
    made.add_argument("--list", action="store_true", help="name the rows, measure none")
    made.add_argument("--table", action="store_true", help="print what was measured, in Markdown")
    made.add_argument("--repeats", type=int, help="turns of each row; default: the row's own")
    made.add_argument("--threads", type=int, help="of both sides; default: all cores")
    made.add_argument("--profile", action="store_true", help="one turn; print where time goes")
    chosen = made.parse_args(arguments)
    for name, given in (("repeats", chosen.repeats), ("threads", chosen.threads)):
        if given is not None and given < 1:
            made.error(f"--{name} is at least 1")
    known = rows()
    wanted: set[str] = set() if chosen.row else {*known}
    for word in chosen.row:
        meant = {word} & known.keys() or {name for name in known if name.startswith(word)}
        if not meant:
            made.error(f"{word}: no row begins so; --list names them")
        wanted |= meant
    if chosen.list:
        print("\n".join(f"{name:25}{row.what}" for name, row in known.items() if name in wanted))
        return 0
    if chosen.table:
        print(results.table(results.read()), end="")
        return 0
    os.environ["OMP_NUM_THREADS"] = str(chosen.threads or len(os.sched_getaffinity(0)))
    from benchmarks.measure import measured

    results.read()  # a damaged file is told before anything is measured
    failed = []
    for name in filter(wanted.__contains__, known):
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            result = measured(name, chosen.repeats, chosen.profile)
        except Exception:  # the other rows are measured all the same
            traceback.print_exc()
            failed.append(name)
            continue
        print(results.line(name, result), flush=True)
        if not chosen.profile and "skipped" not in result:
            how = f" --threads {chosen.threads}" if chosen.threads else ""
            results.keep(name + how, result, list(known))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
