"""Labels (n,), which reached the losses and metrics that a program defines as (n, 1) until Keras 3."""

from __future__ import annotations

import functools
from types import FunctionType
from typing import Any

import numpy as np

from gazelle.compat import era
from gazelle.compat.types import Option, TensorResult
from gazelle.core.own_code import from_gazelle
from gazelle.losses import LossFunctionWrapper
from gazelle.metrics import MeanMetricWrapper

#: arguments of `compile`
OF_LABELS = ("loss", "metrics", "weighted_metrics")


def namespaces() -> tuple[str, ...]:
    """The namespaces whose objects got labels (n,) as (n, 1); the package `keras` refused them for losses."""
    return () if era.number() == 3 else ("metrics",) if era.standalone() else ("losses", "metrics")


def as_column(labels: TensorResult) -> TensorResult:
    """Labels (n,) as (n, 1)."""
    return labels[:, None] if np.ndim(labels) == 1 else labels


def with_columns(given: Option) -> Option:
    """A loss or metric of the program: until Keras 3 labels (n,) reached it as (n, 1)."""
    if hasattr(type(given), "receives_columns"):
        given.receives_columns = True  # for the methods that the program defines
    if isinstance(given, LossFunctionWrapper | MeanMetricWrapper):
        given.fn = with_columns(given.fn)
    if isinstance(given, functools.partial) and not given.args:
        return functools.partial(with_columns(given.func), **given.keywords)
    if not isinstance(given, FunctionType) or from_gazelle(given):
        return given

    @functools.wraps(given)
    def called(y_true: Any, *args: Any, **kwargs: Any) -> Any:
        return given(as_column(y_true), *args, **kwargs)

    vars(called).update(kind_of_targets=kind_of_targets(), _given=given)
    return called


def kind_of_targets() -> str:
    """The kind of the targets of losses that programs define: tf.keras did not turn integers into floats."""
    return "as given" if era.is_tf_keras_2() else "any"
