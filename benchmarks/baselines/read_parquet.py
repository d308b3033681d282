"""python -m benchmarks.baselines.read_parquet FILE ...: the seconds of reading texts and splitting
each on white space."""

import sys
import time

import pyarrow.parquet as pq


def main(files: list[str]) -> None:
    started = time.perf_counter()
    for file in files:
        for text in pq.read_table(file, columns=["text", "label"])["text"].to_pylist():
            text.split()
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main(sys.argv[1:])
