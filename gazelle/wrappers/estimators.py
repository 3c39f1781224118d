"""The estimators themselves; this module imports scikit-learn, so nobody imports it before it is needed."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.models.cloning import clone_model
from gazelle.models.model import Model
from gazelle.saving import load_model


class _Packed:
    """A model as bytes."""

    def __init__(self, model: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            model.save(path)
            self.content = path.read_bytes()

    def open(self) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            path.write_bytes(self.content)
            return load_model(path)


class _Wrapper(BaseEstimator):  # type: ignore[misc]
    """What the three share: the model is made anew by each `fit` and stands in `model_`, its History in `history_`."""

    def __init__(self, model: Any, warm_start: bool = False, model_kwargs: Any = None, fit_kwargs: Any = None) -> None:
        self.model, self.warm_start = model, warm_start
        self.model_kwargs, self.fit_kwargs = model_kwargs, fit_kwargs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True  # weights are drawn anew
        return tags

    def __sklearn_clone__(self) -> Any:
        model = clone_model(self.model) if isinstance(self.model, Model) else self.model
        if model is not self.model and self.model.compiled:
            model.compile_from_config(self.model.get_compile_config())
        words = {"model_kwargs": self.model_kwargs, "fit_kwargs": self.fit_kwargs}
        return type(self)(model, self.warm_start, **copy.deepcopy(words))

    def __getstate__(self) -> dict[str, Any]:
        """Models go into a pickle as the bytes of a `.keras` file."""
        state = dict(super().__getstate__())
        history = state.get("history_")
        if history is not None:
            state["history_"] = copy.copy(history)
            state["history_"].model = None
        return {key: _Packed(value) if isinstance(value, Model) else value for key, value in state.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        opened = {key: value.open() if isinstance(value, _Packed) else value for key, value in state.items()}
        super().__setstate__(opened)

    @property
    def epoch_(self) -> list[int]:
        """The numbers of the epochs of the last `fit`."""
        return list(getattr(getattr(self, "history_", None), "epoch", []))

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Train a new model (with `warm_start` the last one); keywords go to `model.fit` after `fit_kwargs`."""
        X, y = validate_data(self, X, y, multi_output=True)
        target = self._encoded(y, kwargs.get("sample_weight"))
        if not (self.warm_start and hasattr(self, "model_")):
            self.model_ = self._made(X, target)
        words = {**(self.fit_kwargs or {}), **kwargs}
        self.history_ = self.model_.fit(X.astype("float32", copy=False), target, **words)
        return self

    def _made(self, X: Any, y: Any) -> Any:
        if isinstance(self.model, Model):
            model = clone_model(self.model)
            if self.model.compiled:
                model.compile_from_config(self.model.get_compile_config())
        else:
            model = self.model(X=X, y=y, **(self.model_kwargs or {}))
        if not isinstance(model, Model) or not model.compiled:
            expected = "a compiled model, or a function (X, y) that gives one"
            raise StateError(
                message(
                    f"model of {type(self).__name__}",
                    expected=expected,
                    got=repr(model),
                    hint="Call model.compile(optimizer, loss).",
                )
            )
        return model

    def _output(self, X: Any) -> Any:
        check_is_fitted(self, "model_")
        X = validate_data(self, X, reset=False)
        return self.model_.predict(X.astype("float32", copy=False), verbose=0)

    def _encoded(self, y: Any, weight: Any) -> Any:
        """y as the model sees it."""
        type_of_target(y, raise_unknown=True)
        self._flat = y.ndim == 1
        return y.reshape(-1, 1) if self._flat else y


class SKLearnClassifier(ClassifierMixin, _Wrapper):  # type: ignore[misc]
    """A model as a classifier of scikit-learn: it sees y as one column of 0 and 1 for each of `classes_`.

    Args:
        model: a compiled model, or a function (X, y, **model_kwargs) that gives one.
        warm_start: train the model of the last `fit` on instead of a new one.
        model_kwargs: for the function.
        fit_kwargs: for `model.fit`, such as {"epochs": 5}.

    Errors: ValueError for targets that are no classes, and for a single class.

    >>> def build(X, y):
    ...     model = gazelle.Sequential([gazelle.layers.Dense(y.shape[1], activation="softmax")])
    ...     model.compile("adam", "categorical_crossentropy")
    ...     return model
    >>> X = np.repeat([[0.0, 1.0], [1.0, 0.0]], 8, 0)
    >>> SKLearnClassifier(build, fit_kwargs={"verbose": 0}).fit(X, ["a"] * 8 + ["b"] * 8).classes_.tolist()
    ['a', 'b']
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # as long as nobody says how many epochs
        return tags

    def _encoded(self, y: Any, weight: Any) -> Any:
        kind = type_of_target(y, raise_unknown=True)
        if kind not in ("binary", "multiclass"):
            raise ArgumentError(
                f"Unknown label type: {kind}.\nOnly 'binary' and 'multiclass' are classified: y of shape (samples,)."
            )
        y = y.ravel()
        seen = y if weight is None else y[np.asarray(weight) > 0]
        if len(np.unique(seen)) < 2:
            where = "" if weight is None else " where sample_weight is above 0"
            raise ArgumentError(f"Classifier can't train when only one class is present{where}.")
        self.classes_, places = np.unique(y, return_inverse=True)
        return np.eye(len(self.classes_), dtype="float32")[places]

    def predict(self, X: Any) -> Any:
        """The likeliest class of each sample."""
        out = self._output(X)
        return self.classes_[np.argmax(out, axis=1)]

    def decision_function(self, X: Any) -> Any:
        """What the model gives: one number for each class; for two classes that of the second against the first."""
        out = self._output(X)
        return out[:, 1] - out[:, 0] if len(self.classes_) == 2 else out


class SKLearnRegressor(RegressorMixin, _Wrapper):  # type: ignore[misc]
    """A model as a regressor of scikit-learn.

    Args: those of `SKLearnClassifier`.

    >>> def build(X, y):
    ...     model = gazelle.Sequential([gazelle.layers.Dense(y.shape[1])])
    ...     model.compile("adam", "mse")
    ...     return model
    >>> X = np.ones((8, 3))
    >>> SKLearnRegressor(build, fit_kwargs={"verbose": 0}).fit(X, X[:, 0]).predict(X).shape
    (8,)
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags

    def predict(self, X: Any) -> Any:
        """The model's outputs, of the shape that y had."""
        out = self._output(X)
        return out.reshape(-1) if self._flat and out.shape[1:] == (1,) else out


class SKLearnTransformer(TransformerMixin, _Wrapper):  # type: ignore[misc]
    """A model as a transformer of scikit-learn: trained on X and y, it gives its outputs as new features.

    Args: those of `SKLearnClassifier`.

    >>> def build(X, y):
    ...     model = gazelle.Sequential([gazelle.layers.Dense(2)])
    ...     model.compile("adam", "mse")
    ...     return model
    >>> X = np.ones((8, 3))
    >>> SKLearnTransformer(build, fit_kwargs={"verbose": 0}).fit(X, X[:, :2]).transform(X).shape
    (8, 2)
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    def transform(self, X: Any) -> Any:
        """The model's outputs."""
        return self._output(X)
