"""Texts by a trained network: ``python -m seqbench.generate RUN --prompt TEXT``.

Exit status: 0 done, 2 the user's mistake, 130 ended by Ctrl-C, 141 if the reader has gone.
"""

import json
import sys
import time
from dataclasses import asdict

from seqbench.commands import guarded, parser
from seqbench.errors import short
from seqbench.terminal import say


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name); its exit status."""
    return guarded(_generate, argv)


def _generate(arguments: list[str], show_traceback: bool) -> int:
    command = parser("generate", "Write texts, token by token.")
    command.add_argument("--prompt", metavar="TEXT", help="what they begin with")
    command.add_argument("--label", help="of what to write, where the task has labels")
    command.add_argument("--length", type=int, default=100, help="most tokens; default: 100")
    command.add_argument("--num-samples", type=int, default=1, metavar="N", help="default: 1")
    command.add_argument("--seed", type=int, default=0, help="default: 0")
    command.add_argument(
        "--temperature", type=float, default=1.0, help="below 1: likelier tokens; default: 1"
    )
    command.add_argument(
        "--top-k", type=int, metavar="K", help="of the K likeliest tokens; 1: greedy"
    )
    command.add_argument(
        "--top-p", type=float, metavar="P", help="of the fewest tokens with P of the probability"
    )
    command.add_argument(
        "--uniform", action="store_true", help="of --top-k or --top-p each as likely as the other"
    )
    command.add_argument(
        "--backend",
        choices=("auto", "native", "reference"),
        default="auto",
        help="a cell's kernel, or its equation; both write the same, auto takes the faster",
    )
    command.add_argument("--json", action="store_true", help="print a JSON object a text")
    chosen = command.parse_intermixed_args(arguments)

    from seqbench.trained import load
    from seqbench.writing import heading_of

    trained = load(chosen.run, trust=chosen.trust, device=chosen.device, threads=chosen.threads)
    # Texts without an end of their own may hold any line.
    headed = chosen.num_samples > 1 and trained.spec.end_id is None
    first = [f"{heading_of(1)}\n"] if headed else []

    def show(text: str) -> None:
        say((first.pop() if first else "") + text, end="", flush=True)

    started = time.perf_counter()
    samples = trained.generate(
        chosen.prompt,
        label=chosen.label,
        length=chosen.length,
        num_samples=chosen.num_samples,
        seed=chosen.seed,
        temperature=chosen.temperature,
        top_k=chosen.top_k,
        top_p=chosen.top_p,
        uniform=chosen.uniform,
        backend=chosen.backend,
        show=None if chosen.json else show,
    )
    seconds = time.perf_counter() - started
    if chosen.json:
        asked = {"label": chosen.label, "seed": chosen.seed}
        for sample in samples:
            say(json.dumps(asked | asdict(sample), ensure_ascii=False))
    else:
        print()
        for number, sample in enumerate(samples[1:], start=2):
            say("\n".join([*([heading_of(number)] if headed else []), sample.text]))
    if sys.stderr.isatty():
        tokens = sum(sample.tokens for sample in samples)
        print(f"{tokens} tokens, {tokens / seconds:,.0f} a second", file=sys.stderr)
    if samples[0].unknown:
        words = short(", ".join(samples[0].unknown))
        say(f"seqbench: unknown, read as one and the same: {words}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
