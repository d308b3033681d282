"""Train one network on one task, or with ``-m`` a sweep of them: ``python -m seqbench.train``.

Exit status: 0 done, 1 a run failed, 2 the user's mistake, 130 and 143 ended by a signal.
"""

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from seqbench import compose
from seqbench.errors import UserError, complain


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name); its exit status."""
    share_cores()
    try:
        return compose.run(sys.argv[1:] if argv is None else argv, _job)
    except KeyboardInterrupt:
        return 130
    except SystemExit as end:  # of --help, or of an option that Hydra does not know
        return end.code if isinstance(end.code, int) else 1


def _job(config: dict[str, Any], origin: Callable[[str], str]) -> int:
    from seqbench.build import SUPPLIED
    from seqbench.config import validate
    from seqbench.training import train

    try:
        validate(config, SUPPLIED, origin)
        return train(config)
    except UserError as error:
        return complain(error)
    except SystemExit as end:
        if end.code == 143:
            raise
        print(f"seqbench: the run called sys.exit({end.code})", file=sys.stderr)
        return 1
    except Exception:
        traceback.print_exc()
        return 1


def share_cores() -> None:
    """Let OpenMP's threads sleep soon when they wait, not spin for milliseconds.

    Spinning costs nothing on an idle machine, but beside one other busy process it made small
    networks 4 to 50 times slower. To be called before torch is imported; an environment that
    tunes OpenMP has the last word.
    """
    if not any(name.startswith(("OMP_", "GOMP_")) for name in os.environ):
        os.environ["GOMP_SPINCOUNT"] = "300"


if __name__ == "__main__":
    sys.exit(main())
