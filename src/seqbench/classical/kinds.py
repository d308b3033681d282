"""Which baseline there is for a task."""

from seqbench.classical.base import Classical
from seqbench.classical.ngram_lm import NGramLM
from seqbench.classical.ridge import Ridge
from seqbench.classical.steps import Steps
from seqbench.classical.texts import CharNGrams, TfIdf
from seqbench.classical.window import Window
from seqbench.errors import UserError
from seqbench.spec import TaskSpec


def kind_for(spec: TaskSpec) -> type[Classical]:
    """The baseline's class; UserError where there is none."""
    match spec.kind:
        case "classify" if spec.features:
            return Steps
        case "classify":
            return CharNGrams if spec.encoding.get("level") == "char" else TfIdf
        case "tag":
            return Window
        case "language_model" | "write":
            return NGramLM
        case "regress":
            return Ridge
        case "transduce":
            raise UserError(
                "no baseline turns one sequence into another as yet; the answer of the commonest "
                "token at each place stands beside every network's result"
            )
