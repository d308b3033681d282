"""Train one network on one task, or with ``-m`` a sweep of them: ``python -m seqbench.train``.

Exit status: 0 done, 1 a run failed, 2 the user's mistake, 130 and 143 ended by a signal.
"""

import sys
import traceback
from collections.abc import Callable
from typing import Any

from seqbench import compose
from seqbench.errors import UserError, complain


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name); its exit status."""
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
    except Exception:
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    sys.exit(main())
