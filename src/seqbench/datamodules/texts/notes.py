"""What a user should read of the facts about labelled texts before they are learnt from."""

from typing import Any

from seqbench.datamodules.texts.corpus import CorpusSettings


def notes(facts: dict[str, Any], settings: CorpusSettings) -> list[str]:
    """Lines for the log; what is off or has nothing to tell is left out of them."""
    told = [f"texts: {listed(facts['sizes'])}; vocabulary {facts['vocabulary_size']}"]
    met = {
        "texts more than once": facts["duplicates"],
        "in two splits": facts["overlaps"],
        "with two labels": {"in all": facts["contradictions"]},
        "empty, dropped": facts["dropped"],
    }
    told.append("; ".join(f"{what}: {there}" for what, n in met.items() if (there := listed(n))))
    left_out = {
        "drop_classes": [
            f"{split} ({there})"
            for split, counts in facts["dropped_classes"].items()
            if (there := listed(counts))
        ]
    }
    for policy, chosen, what in (
        ("contradictions", settings.contradictions, "texts under two labels"),
        ("duplicates", settings.duplicates, "texts"),
    ):
        left_out[f"{policy}={chosen}"] = [
            f"{split} {counts['rows_left_out']} rows of {counts['texts']} {what}"
            for split, counts in facts["policies"][policy].items()
            if counts["rows_left_out"]
        ]
    told += [f"left out by task.{key}: {', '.join(x)}" for key, x in left_out.items() if x]
    if mended := listed(facts["mended"]):
        told.append(f"words with look-alike letters, mended: {mended}")
    return [line for line in told if line]


def listed(counts: dict[str, int]) -> str:
    """What there is, less what there is none of."""
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count)
