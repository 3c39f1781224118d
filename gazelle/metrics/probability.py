"""Metrics that are means of losses of classifiers: crossentropies, divergences, the hinge family."""

from __future__ import annotations

from gazelle import losses
from gazelle.core.types import PolicyLike
from gazelle.metrics.reduction import MeanMetricWrapper


class BinaryCrossentropy(MeanMetricWrapper):
    """Binary crossentropy:  mean(-y_true log(p) - (1 - y_true) log(1 - p)).

    Args:
        name: Name in logs.
        dtype: See `Metric`.
        from_logits: Whether y_pred are logits; else probabilities.
        label_smoothing: a in  y_true <- y_true (1 - a) + a / 2.

    Example:
        >>> round(float(BinaryCrossentropy()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
        0.3567
    """

    _aliases = (
        "bce",
        "BCE",
    )

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: PolicyLike = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            losses.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )


class CategoricalCrossentropy(MeanMetricWrapper):
    """Categorical crossentropy:  mean(-sum(y_true log(p))).

    Args:
        name: Name in logs.
        dtype: See `Metric`.
        from_logits: Whether y_pred are logits; else probabilities.
        label_smoothing: a in  y_true <- y_true (1 - a) + a / classes.
        axis: The axis of the classes.

    Example:
        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
        0.3567
    """

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: PolicyLike = None,
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
    """Categorical crossentropy of class indices:  mean(-log(p[y_true])).

    Args:
        name: Name in logs.
        dtype: See `Metric`.
        from_logits: Whether y_pred are logits; else probabilities.
        ignore_class: Label that is left out; None for no such label.
        axis: The axis of the classes.

    Example:
        >>> round(float(SparseCategoricalCrossentropy()([1], [[0.3, 0.7]])), 4)
        0.3567
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: PolicyLike = None,
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
    """Kullback-Leibler divergence:  mean(sum(y_true log(y_true / y_pred))).

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> round(float(KLDivergence()([[0.4, 0.6]], [[0.3, 0.7]])), 4)
        0.0226
    """

    _aliases = (
        "kld",
        "KLD",
        "kullback_leibler_divergence",
        "kl_divergence",
    )

    def __init__(self, name: str | None = "kl_divergence", dtype: PolicyLike = None) -> None:
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(MeanMetricWrapper):
    """Poisson loss:  mean(y_pred - y_true log(y_pred)).

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> round(float(Poisson()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
        1.1137
    """

    def __init__(self, name: str | None = "poisson", dtype: PolicyLike = None) -> None:
        super().__init__(losses.poisson, name, dtype)


class Hinge(MeanMetricWrapper):
    """Hinge loss:  mean(max(1 - y_true y_pred, 0)).

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> round(float(Hinge()([[-1.0, 1.0]], [[0.5, 0.8]])), 4)
        0.85
    """

    def __init__(self, name: str | None = "hinge", dtype: PolicyLike = None) -> None:
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """Squared hinge loss:  mean(max(1 - y_true y_pred, 0)^2).

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> round(float(SquaredHinge()([[-1.0, 1.0]], [[0.5, 0.8]])), 4)
        1.145
    """

    def __init__(self, name: str | None = "squared_hinge", dtype: PolicyLike = None) -> None:
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """Categorical hinge loss:  the mean of `losses.categorical_hinge`.

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> round(float(CategoricalHinge()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
        0.6
    """

    def __init__(self, name: str | None = "categorical_hinge", dtype: PolicyLike = None) -> None:
        super().__init__(losses.categorical_hinge, name, dtype)
