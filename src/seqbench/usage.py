"""What ``python -m seqbench.train --help`` prints.

Hydra's own help reads and copies all that it knows of configs once for each group: that takes
longer than all the rest.
"""

import io
from contextlib import redirect_stdout

from seqbench import compose
from seqbench.places import CONF, choices, folder, searched
from seqbench.words import arranged

OPTIONS = {"--help", "-h"}
OTHERS = {"-m", "--multirun", "-r", "--run", "--hydra-help"}
"""What Hydra would do, or refuse to do, instead."""

BEFORE = """Train one recurrent network on one task, or with -m a sweep of them.

Choose by name (GROUP=NAME):"""

AFTER = """
Examples:
  python -m seqbench.train
  python -m seqbench.train task=imdb model=gru seed=1
  python -m seqbench.train model=rnn trainer.max_epochs=4 optimizer.lr=1e-3
  python -m seqbench.train -m model=rnn,lstm,gru seed=0,1,2
  python -m seqbench.train --cfg job task=imdb     (show the config, train nothing)"""


def show(words: list[str]) -> None:
    """The groups, and the config that the other words compose; UserError where they cannot."""
    config = io.StringIO()
    kept = [word for word in words if word not in OPTIONS | OTHERS]
    with redirect_stdout(config):
        compose.run([*kept, "--cfg", "job"], lambda config, origin: 0)
    print(BEFORE)
    for group, names in sorted(choices([CONF, *map(folder, searched(arranged(kept)))]).items()):
        if not group.startswith("hydra"):
            print(f"{group}: {', '.join(sorted(names))}")
    print("\nChange by key (KEY=VALUE); the defaults are:\n")
    print(config.getvalue() + AFTER)
