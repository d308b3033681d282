"""What a user should read of the facts about labelled texts before they are learnt from."""

from typing import Any

from seqbench.datamodules.texts.corpus import CorpusSettings


def notes(facts: dict[str, Any], settings: CorpusSettings) -> list[str]:
    """Lines for the log; what is off or has nothing to tell is left out of them."""
    told = [
        f"texts: {listed(facts['sizes'])}; vocabulary {facts['vocabulary_size']}",
        f"texts more than once: {listed(facts['duplicates'])}; "
        f"in two splits: {listed(facts['overlaps'])}; "
        f"with two labels: {facts['contradictions']}; empty, dropped: {listed(facts['dropped'])}",
    ]
    if settings.drop_classes:
        counts = (f"{k} ({listed(v)})" for k, v in facts["dropped_classes"].items())
        told.append(f"left out by task.drop_classes: {', '.join(counts)}")
    for policy, chosen, what in (
        ("contradictions", settings.contradictions, "texts under two labels"),
        ("duplicates", settings.duplicates, "texts"),
    ):
        if chosen != "keep":
            counts = (
                f"{split} {met['rows_left_out']} rows of {met['texts']} {what}"
                for split, met in facts["policies"][policy].items()
            )
            told.append(f"left out by task.{policy}={chosen}: {', '.join(counts)}")
    if settings.mend_homoglyphs:
        told.append(f"words with look-alike letters, mended: {listed(facts['mended'])}")
    return told


def listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
