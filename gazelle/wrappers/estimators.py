"""The estimators; this module imports scikit-learn, so it is imported on first use."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.types import Data
from gazelle.models.cloning import clone_model
from gazelle.models.model import Model

if TYPE_CHECKING:
    from typing import Self

    from gazelle.training.callbacks import History

Array = np.ndarray[Any, Any]


def _compile_like(model: Model, other: Model) -> None:
    config = other.get_compile_config() if other.compiled else None
    if config is not None:
        model.compile_from_config(config)


class _Wrapper(BaseEstimator):  # type: ignore[misc]
    """Base class of the estimators: each `fit` creates a new model."""

    model_: Model
    history_: History

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
        fit_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.warm_start = model, warm_start
        self.model_kwargs, self.fit_kwargs = model_kwargs, fit_kwargs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True  # weights are initialized randomly
        return tags

    def __sklearn_clone__(self) -> Any:
        model = clone_model(self.model) if isinstance(self.model, Model) else self.model
        if isinstance(self.model, Model) and isinstance(model, Model):
            _compile_like(model, self.model)
        options = {"model_kwargs": self.model_kwargs, "fit_kwargs": self.fit_kwargs}
        return type(self)(model, self.warm_start, **copy.deepcopy(options))

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        history = state.get("history_")
        if history is not None:
            state["history_"] = copy.copy(history)
            state["history_"].model = None
        return state

    @property
    def epoch_(self) -> list[int]:
        """The numbers of the epochs of the last `fit`."""
        return list(getattr(getattr(self, "history_", None), "epoch", []))

    def fit(self, X: Data, y: Data, **kwargs: Any) -> Self:
        """Train a new model, or the last one with `warm_start`.

        Args:
            X: samples, an array or a data frame (samples, features).
            y: targets.
            **kwargs: arguments of `Model.fit`, which override `fit_kwargs`.

        Returns:
            The estimator.

        Raises:
            StateError: the model is not compiled.
            ArgumentError: the targets cannot be used.
        """
        samples, y = validate_data(self, X, y, multi_output=True)
        target = self._encoded(y, kwargs.get("sample_weight"))
        if not (self.warm_start and hasattr(self, "model_")):
            self.model_ = self._new_model(samples, target)
        options = {**(self.fit_kwargs or {}), **kwargs}
        self.history_ = self.model_.fit(samples.astype("float32", copy=False), target, **options)
        return self

    def _new_model(self, X: Any, y: Any) -> Model:
        if isinstance(self.model, Model):
            model = clone_model(self.model)
            _compile_like(model, self.model)
        else:
            model = self.model(X=X, y=y, **(self.model_kwargs or {}))
        if not isinstance(model, Model) or not model.compiled:
            expected = "a compiled model, or a function (X, y) that returns one"
            raise StateError(
                message(
                    f"model of {type(self).__name__}",
                    expected=expected,
                    got=repr(model),
                    hint="Call model.compile(optimizer, loss).",
                )
            )
        return model

    def _predict(self, X: Data) -> Array:
        check_is_fitted(self, "model_")
        samples = validate_data(self, X, reset=False)
        out: Array = self.model_.predict(samples.astype("float32", copy=False), verbose=0)
        return out

    def _encoded(self, y: Any, weight: Any) -> Any:
        """y as the target of the model."""
        type_of_target(y, raise_unknown=True)
        self._flat = y.ndim == 1
        return y.reshape(-1, 1) if self._flat else y


class SKLearnClassifier(ClassifierMixin, _Wrapper):  # type: ignore[misc]
    """Model as a classifier of scikit-learn; the targets of the model are one-hot.

    Args:
        model: a compiled model, or a function (X, y, **model_kwargs) that returns one.
        warm_start: continue training the model of the last `fit`.
        model_kwargs: arguments of the function.
        fit_kwargs: arguments of `Model.fit`, such as {"epochs": 5}.

    Attributes:
        classes_: the classes in sorted order.
        model_: the trained model.
        history_: the History of the training.

    Raises:
        ArgumentError: the targets are not classes, or there is only one class.

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
        tags.classifier_tags.poor_score = True  # a single epoch by default
        return tags

    def _encoded(self, y: Any, weight: Any) -> Any:
        kind = type_of_target(y, raise_unknown=True)
        if kind not in ("binary", "multiclass"):
            raise ArgumentError(
                f"Unknown label type: {kind}.\nOnly 'binary' and 'multiclass' are supported: y of shape (samples,)."
            )
        y = y.ravel()
        seen = y if weight is None else y[np.asarray(weight) > 0]
        if len(np.unique(seen)) < 2:
            where = "" if weight is None else " where sample_weight is above 0"
            raise ArgumentError(f"Classifier can't train when only one class is present{where}.")
        self.classes_, indices = np.unique(y, return_inverse=True)
        return np.eye(len(self.classes_), dtype="float32")[indices]

    def predict(self, X: Data) -> Array:
        """Predict the most likely class of each sample.

        Args:
            X: samples, an array or a data frame (samples, features).

        Returns:
            One class for each sample.
        """
        out = self._predict(X)
        classes: Array = self.classes_[np.argmax(out, axis=1)]
        return classes

    def decision_function(self, X: Data) -> Array:
        """Compute the outputs of the model.

        Args:
            X: samples, an array or a data frame (samples, features).

        Returns:
            (samples, classes); for two classes their difference, (samples,).
        """
        out = self._predict(X)
        return out[:, 1] - out[:, 0] if len(self.classes_) == 2 else out


class SKLearnRegressor(RegressorMixin, _Wrapper):  # type: ignore[misc]
    """Model as a regressor of scikit-learn.

    Args:
        model: a compiled model, or a function (X, y, **model_kwargs) that returns one.
        warm_start: continue training the model of the last `fit`.
        model_kwargs: arguments of the function.
        fit_kwargs: arguments of `Model.fit`, such as {"epochs": 5}.

    Attributes:
        model_: the trained model.
        history_: the History of the training.

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

    def predict(self, X: Data) -> Array:
        """Compute the outputs of the model.

        Args:
            X: samples, an array or a data frame (samples, features).

        Returns:
            The outputs, in the shape of y.
        """
        out = self._predict(X)
        return out.reshape(-1) if self._flat and out.shape[1:] == (1,) else out


class SKLearnTransformer(TransformerMixin, _Wrapper):  # type: ignore[misc]
    """Model as a transformer of scikit-learn: its outputs are the new features.

    Args:
        model: a compiled model, or a function (X, y, **model_kwargs) that returns one.
        warm_start: continue training the model of the last `fit`.
        model_kwargs: arguments of the function.
        fit_kwargs: arguments of `Model.fit`, such as {"epochs": 5}.

    Attributes:
        model_: the trained model.
        history_: the History of the training.

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

    def transform(self, X: Data) -> Array:
        """Compute the outputs of the model.

        Args:
            X: samples, an array or a data frame (samples, features).

        Returns:
            (samples, features).
        """
        return self._predict(X)
