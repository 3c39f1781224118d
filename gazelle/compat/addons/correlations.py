"""`tfa.metrics`: correlations of labels and predictions, from counts of pairs in a grid of intervals."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from gazelle.compat.addons.registration import addon
from gazelle.compat.arguments.ignored import ignores
from gazelle.core.settings import epsilon
from gazelle.core.types import Array, PolicyLike
from gazelle.metrics import Metric


class _Correlation(Metric, abstract=True):
    """Base of correlations: counts of pairs by the interval of the label (rows) and of the prediction (columns).

    Args:
        actual_min, actual_max: Range of the labels; those outside of it count at its ends.
        preds_min, preds_max: Range of the predictions.
        actual_cutpoints, preds_cutpoints: Number of intervals of each range, plus 1.

    Source: Xiao, Novel Online Algorithms for Nonparametric Correlations (2017).
    """

    def __init__(
        self,
        actual_min: float = 0.0,
        actual_max: float = 1.0,
        preds_min: float = 0.0,
        preds_max: float = 1.0,
        actual_cutpoints: int = 100,
        preds_cutpoints: int = 100,
        name: str | None = None,
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.actual_cuts = _cuts(actual_min, actual_max, actual_cutpoints)
        self.preds_cuts = _cuts(preds_min, preds_max, preds_cutpoints)
        shape = actual_cutpoints - 1, preds_cutpoints - 1
        self.m = self.add_variable(shape, "zeros", dtype="int32", name="m")
        self.nrow = self.add_variable(shape[:1], "zeros", dtype="int32", name="nrow")
        self.ncol = self.add_variable(shape[1:], "zeros", dtype="int32", name="ncol")
        self.n = self.add_variable((), "zeros", dtype="int32", name="n")

    @ignores("sample_weight")  # as in tensorflow_addons
    def update_state(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> None:
        rows, columns = _interval(self.actual_cuts, y_true), _interval(self.preds_cuts, y_pred)
        self.m.assign(self.m.value.at[rows, columns].add(1))
        self.nrow.assign(self.nrow.value.at[rows].add(1))
        self.ncol.assign(self.ncol.value.at[columns].add(1))
        self.n.assign(self.n.value + rows.size)

    def _counts(self) -> tuple[Array, Array, Array, Array]:
        """The counts of pairs, of labels, of predictions and of all, as floats."""
        m, rows, columns, n = (each.value.astype("float32") for each in (self.m, self.nrow, self.ncol, self.n))
        return m, rows, columns, n

    def _pairs(self) -> tuple[Array, Array, Array, Array]:
        """The numbers of concordant and discordant pairs, and of those with equal labels or equal predictions only."""
        m, rows, columns, n = self._counts()
        smaller = jnp.cumsum(jnp.cumsum(m, axis=0), axis=1)[:-1, :-1]
        concordant = jnp.sum(smaller * m[1:, 1:])
        both = jnp.sum(m * (m - 1)) / 2
        of_rows, of_columns = (jnp.sum(each**2) - jnp.sum(m**2) for each in (rows, columns))
        discordant = (n - 1) * n / 2 - concordant - of_rows / 2 - of_columns / 2 - both
        return concordant, discordant, of_rows / 2, of_columns / 2


def _cuts(low: float, high: float, number: int) -> np.ndarray:
    cuts = np.linspace(np.float32(low), np.float32(high), number)
    cuts[-1] += epsilon()  # the last interval has its upper end, too
    return cuts.astype("float32")


def _interval(cuts: np.ndarray, values: Array) -> Array:
    found = jnp.searchsorted(cuts, jnp.asarray(values, "float32").reshape(-1), side="right") - 1
    return jnp.clip(found, 0, len(cuts) - 2)


@addon
class KendallsTauB(_Correlation, abstract=True):
    """Kendall's tau-b:  (P - Q) / sqrt((P + Q + T) (P + Q + U)).

    P, Q: concordant and discordant pairs; T, U: pairs with equal labels, with equal predictions.
    """

    def result(self) -> Array:
        concordant, discordant, rows, columns = self._pairs()
        ordered = concordant + discordant
        return (concordant - discordant) / jnp.sqrt((ordered + rows) * (ordered + columns))


@addon
class KendallsTauC(_Correlation, abstract=True):
    """Kendall's tau-c:  2 (P - Q) / (n^2 (k - 1) / k), k the smaller number of intervals with a value."""

    def result(self) -> Array:
        concordant, discordant, _, _ = self._pairs()
        _, rows, columns, n = self._counts()
        k = jnp.minimum(jnp.count_nonzero(rows), jnp.count_nonzero(columns))
        return 2 * (concordant - discordant) / (n**2 * (k - 1) / k)


@addon
class PearsonsCorrelation(_Correlation, abstract=True):
    """Pearson's correlation of the centers of the intervals:  cov(y, p) / (std(y) std(p))."""

    def result(self) -> Array:
        m, rows, columns, n = self._counts()
        y, p = ((cuts[1:] + cuts[:-1]) / 2 for cuts in (self.actual_cuts, self.preds_cuts))
        y, p = y - rows @ y / n, p - columns @ p / n
        return y @ m @ p / jnp.sqrt((rows @ y**2) * (columns @ p**2))


@addon
class SpearmansRank(_Correlation, abstract=True):
    """Spearman's correlation: that of the ranks of labels and predictions, equal ones with their mean rank."""

    def result(self) -> Array:
        m, rows, columns, n = self._counts()
        y, p = (_ranks(each, n) for each in (rows, columns))
        return y @ m @ p / jnp.sqrt((rows @ y**2) * (columns @ p**2))


def _ranks(counts: Array, n: Array) -> Array:
    """The mean rank of the values in each interval, minus the mean of all ranks."""
    return jnp.cumsum(counts) - counts / 2 - n / 2
