"""`keras.wrappers.scikit_learn`: estimators from a function that builds a model. It imports scikit-learn."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from gazelle.compat import era
from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.types import ArrayLike
from gazelle.data.labels import to_categorical
from gazelle.models import Model, Sequential
from gazelle.training.callbacks.history import History

_OLD = ("nb_epoch", "max_q_size", "workers", "use_multiprocessing")  # arguments of `fit` in earlier eras


class BaseWrapper(BaseEstimator):  # type: ignore[misc]
    """Base class of `KerasClassifier` and `KerasRegressor`."""

    model: Any

    def __init__(self, build_fn: Callable[..., Model] | None = None, **sk_params: Any) -> None:
        self.build_fn, self.sk_params = build_fn, sk_params
        self.check_params(sk_params)

    def check_params(self, params: dict[str, Any]) -> None:
        """Raise an error for names that are not an argument of any method."""
        methods = (Sequential.fit, Sequential.predict, Sequential.evaluate, self._builder())
        if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(methods[-1]).parameters.values()):
            return
        known = {name for method in methods for name in inspect.signature(method).parameters} | set(_OLD)
        for name in params.keys() - known - {"build_fn"}:
            what = f"{type(self).__name__}({name}=...)"
            expected = "an argument of build_fn, fit or predict"
            raise ArgumentError(message(what, expected=expected, got=f"{name!r}, which none of them has"))

    def _builder(self) -> Callable[..., Any]:
        if self.build_fn is None:
            return type(self).__call__.__get__(self) if "__call__" in dir(type(self)) else lambda: None
        return self.build_fn

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return all arguments."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> BaseWrapper:
        """Change arguments and return the estimator."""
        self.check_params(params)
        if "build_fn" in params:
            self.build_fn = params.pop("build_fn")
        self.sk_params.update(params)
        return self

    def filter_sk_params(
        self, fn: Callable[..., Any], override: Mapping[str, Any] | None = None, old: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Return the arguments that `fn` takes, updated with `override`; `old` are further names."""
        known = {*inspect.signature(fn).parameters, *old}
        return {k: v for k, v in self.sk_params.items() if k in known} | dict(override or {})

    def fit(self, x: ArrayLike, y: ArrayLike, **kwargs: Any) -> History:
        """Build a model, train it and return its History."""
        builder = self._builder()
        self.model = builder(**self.filter_sk_params(builder))
        options = self.filter_sk_params(Sequential.fit, kwargs, _OLD)
        return self.model.fit(np.asarray(x), self._labels(y), **options)

    def _labels(self, y: Any) -> Any:
        return np.asarray(y)

    def _predicted(self, x: Any, kwargs: dict[str, Any]) -> Any:
        if not self.__sklearn_is_fitted__():
            raise StateError(message(f"predict of {type(self).__name__}", expected="fit first", got="no model"))
        return self.model.predict(np.asarray(x), **self.filter_sk_params(Sequential.predict, kwargs))

    def _measured(self, x: Any, y: Any, kwargs: dict[str, Any]) -> Any:
        options = self.filter_sk_params(Sequential.evaluate, kwargs)
        return self.model.evaluate(np.asarray(x), self._labels(y), return_dict=True, **options)

    def __sklearn_is_fitted__(self) -> bool:
        return "model" in vars(self)


class KerasClassifier(ClassifierMixin, BaseWrapper):  # type: ignore[misc]
    """A classifier.

    >>> def build():
    ...     model = Sequential([gazelle.layers.Dense(1, activation="sigmoid", input_dim=2)])
    ...     model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    ...     return model
    >>> classifier = KerasClassifier(build_fn=build, epochs=1, verbose=0)
    >>> _ = classifier.fit(np.eye(2), np.array(["a", "b"]))
    >>> classifier.predict_proba(np.eye(2)).shape
    (2, 2)
    """

    def _labels(self, y: Any) -> Any:
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
            return y
        if "classes_" not in vars(self) or not np.isin(y, self.classes_).all():
            self.classes_ = np.unique(y)
        self.n_classes_ = len(self.classes_)
        numbers = np.searchsorted(self.classes_, y.reshape(-1))
        loss = getattr(self.model.loss, "__name__", self.model.loss)
        return to_categorical(numbers, self.n_classes_) if loss == "categorical_crossentropy" else numbers

    def fit(self, x: ArrayLike, y: ArrayLike, **kwargs: Any) -> History:
        """Build a model, train it and return its History."""
        self.__dict__.pop("classes_", None)
        return super().fit(x, y, **kwargs)

    def predict(self, x: ArrayLike, **kwargs: Any) -> np.ndarray[Any, Any]:
        """Return the most probable class of each sample."""
        probabilities = self._predicted(x, kwargs)
        classes = probabilities.argmax(-1) if probabilities.shape[-1] > 1 else (probabilities > 0.5).astype(int)
        return self.classes_[classes]  # (batch, 1) for a single unit

    def predict_proba(self, x: ArrayLike, **kwargs: Any) -> np.ndarray[Any, Any]:
        """Return the probabilities of the classes, one column per class."""
        probabilities = self._predicted(x, kwargs)
        return np.hstack([1 - probabilities, probabilities]) if probabilities.shape[-1] == 1 else probabilities

    def score(self, x: ArrayLike, y: ArrayLike, **kwargs: Any) -> float:
        """Return the accuracy."""
        logs = self._measured(x, y, kwargs)
        for name, value in logs.items():
            if name in ("acc", "accuracy") or name.endswith("_accuracy"):
                return float(value)
        expected = "a model that measures accuracy"
        hint = "Write metrics=['accuracy'] in compile."
        raise StateError(message("score of KerasClassifier", expected=expected, got=list(logs), hint=hint))


class KerasRegressor(RegressorMixin, BaseWrapper):  # type: ignore[misc]
    """A regressor; the arguments are those of `KerasClassifier`."""

    def predict(self, x: ArrayLike, **kwargs: Any) -> np.ndarray[Any, Any]:
        """Return the outputs, without the last axis if its size is 1."""
        return np.squeeze(self._predicted(x, kwargs), axis=-1)

    def score(self, x: ArrayLike, y: ArrayLike, **kwargs: Any) -> float:
        """Return the negative loss; in Keras 1 the loss."""
        loss = float(self._measured(x, y, kwargs)["loss"])
        return loss if era.number() == 1 else -loss
