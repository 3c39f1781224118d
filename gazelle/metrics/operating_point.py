"""The best rate that can be had while another is held: one point of a curve."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, message
from gazelle.metrics.confusion import _Confusion, even_thresholds


class _AtRate(_Confusion):
    """max(rate `_best`)  over the thresholds at which the rate `_held` is at least the value given."""

    _direction = "up"
    _held = _best = ""

    def _set_up(self, value: float, num_thresholds: int, class_id: int | None) -> None:
        if not 0 <= value <= 1:
            raise ArgumentError(message(f"{type(self).__name__}({self._held})", expected="from 0 to 1", got=value))
        if num_thresholds <= 0:
            raise ArgumentError(
                message(f"{type(self).__name__}(num_thresholds)", expected="at least 1", got=num_thresholds)
            )
        self._value = value
        self._keep(even_thresholds(num_thresholds), class_id=class_id)

    def result(self) -> Any:
        rates = self._rates()
        return jnp.max(jnp.where(rates[self._held] >= self._value, rates[self._best], 0), initial=0)


class SensitivityAtSpecificity(_AtRate):
    """The best sensitivity (recall) at which specificity is at least `specificity`.

    >>> round(float(SensitivityAtSpecificity(0.5)([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
    1.0
    """

    _held, _best = "specificity", "sensitivity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        self._set_up(specificity, num_thresholds, class_id)


class SpecificityAtSensitivity(_AtRate):
    """The best specificity at which sensitivity (recall) is at least `sensitivity`.

    >>> round(float(SpecificityAtSensitivity(0.5)([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
    1.0
    """

    _held, _best = "sensitivity", "specificity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        self._set_up(sensitivity, num_thresholds, class_id)


class PrecisionAtRecall(_AtRate):
    """The best precision at which recall is at least `recall`.

    >>> round(float(PrecisionAtRecall(0.5)([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
    1.0
    """

    _held, _best = "recall", "precision"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        self._set_up(recall, num_thresholds, class_id)


class RecallAtPrecision(_AtRate):
    """The best recall at which precision is at least `precision`.

    >>> round(float(RecallAtPrecision(0.5)([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
    1.0
    """

    _held, _best = "precision", "recall"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        self._set_up(precision, num_thresholds, class_id)
