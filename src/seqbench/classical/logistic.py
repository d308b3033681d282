"""Logistic regression over all classes at once, by L-BFGS: deterministic, no number is drawn.

scikit-learn's ``LogisticRegression(solver="lbfgs")`` with an L2 penalty, which minimises
``C * sum of losses + |weights|^2 / 2`` (the bias is free), from weights of 0.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from seqbench.classical.base import climb
from seqbench.classical.reading import Ints
from seqbench.errors import UserError

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Values of C, from much penalty to little."""

STEPS = 200
"""Of L-BFGS at most."""

LEAST = float(np.log(np.finfo(np.float32).tiny))
"""Log-probability of classes that train lacks."""


class Logistic:
    """Fitted to features ``(N, K)``, sparse or not, and labels ``(N,)`` of so many classes."""

    def __init__(self, features: Any, labels: Ints, classes: int, strength: float) -> None:
        self.classes = classes
        self.model = LogisticRegression(C=strength, max_iter=STEPS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model.fit(features, labels)
        stopped = int(self.model.n_iter_.max()) >= STEPS
        self.unfinished: dict[str, Any] = {"stopped after steps": STEPS} if stopped else {}
        """What to tell of a fit that ``STEPS`` has ended."""

    @property
    def parameters(self) -> int:
        return int(self.model.coef_.size + self.model.intercept_.size)

    def log_probabilities(self, features: Any) -> npt.NDArray[np.float32]:
        """``(n, classes)``."""
        found = np.full((features.shape[0], self.classes), LEAST, np.float32)
        # Those of scikit-learn are the logarithms of rounded probabilities, some of them of 0.
        scores = self.model.decision_function(features).astype(np.float64)
        if scores.ndim == 1:  # of two classes it has one
            scores = np.stack([np.zeros(len(scores)), scores], 1)
        scores -= scores.max(1, keepdims=True)
        scores -= np.log(np.exp(scores).sum(1, keepdims=True))
        found[:, self.model.classes_] = np.maximum(scores, LEAST)
        return found


def require_labels(labels: Ints) -> None:
    """UserError where there is nothing to tell apart."""
    if len(np.unique(labels)) < 2:
        raise UserError(
            "all of train has one label: a baseline has nothing to tell apart; give other data"
        )


def strongest(loss: Callable[[float], float], start: float) -> float:
    """The strength with the least loss, seen from ``start``, one of ``STRENGTHS``."""
    found = climb(lambda place: loss(STRENGTHS[place]), STRENGTHS.index(start), len(STRENGTHS))
    return STRENGTHS[found]
