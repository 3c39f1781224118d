"""The wrappers pass scikit-learn's own checks."""

import os

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import gazelle
from gazelle.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer


class Build:
    """The function that makes the model. Its text is the same in every process: test names hold it."""

    def __call__(self, X, y, loss="mse", activation=None, units=4):
        model = gazelle.Sequential(
            [
                gazelle.Input((X.shape[1],)),
                gazelle.layers.Dense(units, "relu"),
                gazelle.layers.Dense(y.shape[1], activation),
            ]
        )
        model.compile(gazelle.optimizers.Adam(0.02), loss)
        return model

    def __repr__(self):
        return "build"

    def __reduce__(self):
        return "build"  # found by name, as a function is


build = Build()


CLASSES = {"loss": "categorical_crossentropy", "activation": "softmax"}
FIT = {"verbose": 0, "batch_size": 64}
ESTIMATORS = [
    SKLearnClassifier(build, model_kwargs=CLASSES, fit_kwargs=FIT),
    SKLearnRegressor(build, fit_kwargs=FIT),
    SKLearnTransformer(build, fit_kwargs=FIT),
]
#: what an estimator that draws its weights anew cannot keep.
APART = {
    "check_fit_idempotent": "two fits draw different weights",
    "check_supervised_y_2d": "it compares two fits",
    "check_classifier_data_not_an_array": "it compares two fits",
    "check_regressors_int": "it compares two fits",
    "check_regressor_data_not_an_array": "it compares two fits",
}


#: run in each run; the others, which train some hundred times, with GAZELLE_SLOW=1.
ALWAYS = ("clone", "pickle", "no_attributes_set_in_init", "tags", "unfitted", "repr", "empty_data")


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=lambda estimator: APART)
def test_check_estimator(estimator, check):
    if not os.environ.get("GAZELLE_SLOW") and not (
        any(word in str(check) for word in ALWAYS) and "readonly" not in str(check)
    ):
        pytest.skip("slow: GAZELLE_SLOW=1 runs it")
    check(estimator)


def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    return X, np.where(X[:, 0] > 0, "up", "down")


def test_in_a_pipeline_and_a_search():
    X, y = data()
    net = SKLearnClassifier(build, model_kwargs=CLASSES, fit_kwargs={"verbose": 0, "epochs": 10, "batch_size": 8})
    search = GridSearchCV(make_pipeline(StandardScaler(), net), {"sklearnclassifier__warm_start": [False]}, cv=2)
    assert search.fit(X, y).score(X, y) > 0.85


def test_a_compiled_model():
    X, y = data()
    model = build(X, np.zeros((1, 2)), **CLASSES)
    net = clone(SKLearnClassifier(model, fit_kwargs=FIT)).fit(X, y, epochs=2)
    assert net.model_ is not model
    assert net.epoch_ == [0, 1]
    first = net.model_
    net.warm_start = True
    assert net.fit(X, y).model_ is first


def test_errors():
    X, _ = data()
    with pytest.raises(RuntimeError, match="expected a compiled model"):
        SKLearnRegressor(lambda X, y: gazelle.Sequential([gazelle.layers.Dense(1)])).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="only one class"):
        SKLearnClassifier(build).fit(X, ["up"] * len(X))
    with pytest.raises(ValueError, match="Unknown label type"):
        SKLearnClassifier(build).fit(X, X[:, 0])
