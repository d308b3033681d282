"""The lists that the package itself brings."""

import csv
from collections import Counter

from seqbench.datamodules.texts.files import BUILT_IN
from seqbench.datamodules.texts.homoglyphs import mend


def test_pets_are_names_of_one_species_each_in_one_script_each() -> None:
    with (BUILT_IN / "pets.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["name"], row["species"]) for row in csv.DictReader(file)]
    counts = Counter(species for _, species in rows)
    assert counts.keys() == {"Cat", "Dog"}
    assert min(counts.values()) >= 150
    assert len({name.casefold() for name, _ in rows}) == len(rows)
    assert all(mend(name) == (name, 0) and name.strip() == name for name, _ in rows)
