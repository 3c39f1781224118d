"""scikit-learn's MLP, for the networks that it supports: without dropout and accuracy, with Adam instead of RMSprop."""

from __future__ import annotations

import warnings
from typing import Any

from networks import CODES
from sklearn.neural_network import MLPClassifier, MLPRegressor

HIDDEN = {"mlp": (64,), "wide": (2048, 2048), "autoencoder": CODES}


class Scikit:
    """The same interface as the other libraries: fit, evaluate and predict."""

    def __init__(self, name: str, workload: Any) -> None:
        kind = MLPRegressor if name == "autoencoder" else MLPClassifier
        self.model = kind(hidden_layer_sizes=HIDDEN[name], batch_size=workload.batch, alpha=0.0)
        self.labels = name != "autoencoder"

    def fit(self, x: Any, y: Any, clock: Any) -> None:
        y = y.ravel() if self.labels else y
        options = {"classes": sorted(set(y.tolist()))} if self.labels else {}
        warnings.simplefilter("ignore")
        while True:
            self.model.partial_fit(x, y, **options)  # one epoch
            if clock():
                return

    def evaluate(self, x: Any, y: Any) -> Any:
        return self.model.score(x, y)

    def predict(self, x: Any) -> Any:
        return self.model.predict_proba(x) if self.labels else self.model.predict(x)
