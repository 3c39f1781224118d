"""Metrics that are means of losses: crossentropies, divergences, and the hinge family."""

from __future__ import annotations

from typing import Any

from gazelle import losses
from gazelle.metrics.reduction import MeanMetricWrapper


class BinaryCrossentropy(MeanMetricWrapper):
    """The mean of `losses.binary_crossentropy`.

    >>> round(float(BinaryCrossentropy()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
    0.3567
    """

    _aliases = ("bce", "BCE")

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            losses.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )


class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `losses.categorical_crossentropy`.

    >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
    0.3567
    """

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `losses.sparse_categorical_crossentropy`.

    >>> round(float(SparseCategoricalCrossentropy()([1], [[0.3, 0.7]])), 4)
    0.3567
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )


class KLDivergence(MeanMetricWrapper):
    """The mean of `losses.kl_divergence`.

    >>> round(float(KLDivergence()([[0.4, 0.6]], [[0.3, 0.7]])), 4)
    0.0226
    """

    _aliases = ("kld", "KLD", "kullback_leibler_divergence", "kl_divergence")

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(MeanMetricWrapper):
    """The mean of `losses.poisson`.

    >>> round(float(Poisson()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    1.1137
    """

    def __init__(self, name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(losses.poisson, name, dtype)


class Hinge(MeanMetricWrapper):
    """The mean of `losses.hinge`.

    >>> round(float(Hinge()([[-1.0, 1.0]], [[0.5, 0.8]])), 4)
    0.85
    """

    def __init__(self, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """The mean of `losses.squared_hinge`.

    >>> round(float(SquaredHinge()([[-1.0, 1.0]], [[0.5, 0.8]])), 4)
    1.145
    """

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """The mean of `losses.categorical_hinge`.

    >>> round(float(CategoricalHinge()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
    0.6
    """

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(losses.categorical_hinge, name, dtype)
