"""Which class a text is of, by the runs of tokens in it."""

from typing import Any, ClassVar

from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer

from seqbench.classical.base import Choice, Classical, grow
from seqbench.classical.grams import Grams
from seqbench.classical.logistic import Logistic, require_labels, strongest
from seqbench.classical.reading import flat
from seqbench.classical.scoring import measured
from seqbench.datamodules.base import TaskData
from seqbench.metrics import Scores


class TfIdf(Classical):
    """Logistic regression on runs of one and of two words.

    A run that stands k times in a text weighs ``(1 + ln k) (1 + ln((1 + N) / (1 + n)))`` where n
    of the N texts of train have it, and all of a text are scaled to a length of 1 (Salton and
    Buckley 1988, "Term-weighting approaches in automatic text retrieval"; scikit-learn's
    ``TfidfTransformer(sublinear_tf=True)``). Texts are read whole, whatever ``max_length`` is.

    longest: tokens of a run at most; least: texts of train that it must stand in; edges: whether a
    text's begin and end count as tokens.
    """

    name: ClassVar[str] = "tfidf"
    precision: ClassVar[str] = "32-true"
    longest: ClassVar[int] = 2
    least: ClassVar[int] = 2
    edges: ClassVar[bool] = False

    def fit(self, choice: Choice) -> None:
        train = flat(self.data.splits["train"], per_step=False)
        require_labels(train.targets)
        grams = Grams(train, self.spec.input_size, least=self.least, edges=self.edges)
        start = 10.0

        def loss(length: int) -> float:
            nonlocal start
            grams.grow()
            weights = TfidfTransformer(sublinear_tf=True)
            features = weights.fit_transform(grams.train(length))
            read = {"val": self._features("val", grams, weights, length)}
            found: dict[float, float] = {}

            def one(strength: float) -> float:
                model = Logistic(features, train.targets, self.spec.output_size, strength)
                fitted = _Fitted(self, grams, weights, length, model, read)
                settings = {"ngrams": [1, length], "C": strength, **model.unfinished}
                found[strength] = choice.offer(settings, fitted).loss
                return found[strength]

            start = strongest(one, start)
            return found[start]

        grow(range(1, self.longest + 1), loss)

    def _features(
        self, split: str, grams: Grams, weights: TfidfTransformer, length: int
    ) -> sparse.csr_matrix:
        data = flat(self.data.splits[split], per_step=False)
        return weights.transform(grams.counts(data, length))


class CharNGrams(TfIdf):
    """The same on runs of up to six characters, of which a text's begin and end are two."""

    name: ClassVar[str] = "char_ngrams"
    longest: ClassVar[int] = 6
    least: ClassVar[int] = 1
    edges: ClassVar[bool] = True


class _Fitted:
    """One length of runs and one strength. read: features that have been made, by split."""

    def __init__(
        self,
        of: TfIdf,
        grams: Grams,
        weights: TfidfTransformer,
        length: int,
        model: Logistic,
        read: dict[str, Any],
    ) -> None:
        self.of, self.grams, self.weights, self.length = of, grams, weights, length
        self.model, self.read = model, read

    @property
    def parameters(self) -> int:
        """Weights and biases, and how many texts have each run."""
        return self.model.parameters + len(self.weights.idf_)

    def scores(self, split: str, *, detailed: bool = True) -> Scores:
        features = self.read.get(split)
        if features is None:
            features = self.of._features(split, self.grams, self.weights, self.length)
        said = self.model.log_probabilities(features)
        data: TaskData = self.of.data
        return measured(
            data.spec, data.splits[split], lambda rows, batch: said[rows], detailed=detailed
        )
