"""python -m benchmarks.first_batch CACHE: the seconds from IMDB's files to a batch to train on."""

import sys
import time
from typing import Any

import pyarrow
import pyarrow.compute
import pyarrow.parquet
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from seqbench import build
from seqbench.places import CONF


def main(cache: str) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose("train", ["task=imdb", f"paths.cache_dir={cache}"])
    needed = OmegaConf.masked_copy(composed, ["task", "seed", "paths"])
    config: Any = OmegaConf.to_object(needed)
    data = build.data(config)
    pyarrow.array([""])  # imports pandas
    started = time.perf_counter()
    data.prepare_data()
    data.setup()
    next(iter(data.train_dataloader()))
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main(sys.argv[1])
