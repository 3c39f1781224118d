"""Intersection over union of regions, from a confusion matrix of classes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import budget, dtypes, settings
from gazelle.core.errors import ArgumentError, DataError, ShapeError, message
from gazelle.core.types import Array, ArrayLike, PolicyLike
from gazelle.losses.reduction import align
from gazelle.metrics.base import Metric


class _IoU(Metric):
    """Mean over classes of  TP / (TP + FP + FN),  counted over all elements."""

    _direction = "up"

    def _configure(
        self,
        num_classes: int,
        target_class_ids: Iterable[int],
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        budget.check((num_classes, num_classes))
        self._classes, self._targets, self._ignore_class = num_classes, tuple(target_class_ids), ignore_class
        if max(self._targets) >= num_classes:
            raise ArgumentError(
                message(
                    f"{type(self).__name__}(target_class_ids)",
                    expected=f"numbers below {num_classes}",
                    got=list(self._targets),
                )
            )
        self._sparse, self._axis = (sparse_y_true, sparse_y_pred), axis
        self.total_cm = self.add_weight((num_classes, num_classes), dtype=self.dtype, name="total_confusion_matrix")

    def _check_labels(self, y_true: np.ndarray, units: int) -> None:
        y = np.asarray(y_true)
        if not self._sparse[0] or y.dtype.kind not in "iuf":
            return
        bad = ~((y >= 0) & (y < self._classes)) & (y != self._ignore_class)
        if bad.any():
            hint = "Number the classes from 0; ignore_class=... leaves a label out." if self._classes > 2 else ""
            wanted = f"classes from 0 to {self._classes - 1} (num_classes={self._classes})"
            raise DataError(message(f"Labels for metric '{self.name}'", expected=wanted, got=y[bad][0], hint=hint))

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add a batch to the confusion matrix.

        Args:
            y_true: Labels.
            y_pred: Predictions, as many as labels.
            sample_weight: A weight for each element, or for each sample.
        """
        pairs = zip((y_true, y_pred), self._sparse, strict=True)
        scores = [jnp.asarray(y).ndim for y, sparse in zip((y_true, y_pred), self._sparse, strict=True) if not sparse]
        rank = min(scores, default=0)
        if rank and not -rank <= self._axis < rank:
            what, wanted = f"axis of {type(self).__name__}", f"an axis of arrays with {rank} axes"
            raise ArgumentError(message(what, expected=wanted, got=self._axis))
        true, pred = (jnp.asarray(y) if sparse else jnp.argmax(jnp.asarray(y), axis=self._axis) for y, sparse in pairs)
        if true.size != pred.size:
            raise ShapeError(
                message(
                    f"Metric '{self.name}'",
                    expected="as many labels as predictions",
                    got=f"{true.shape} and {pred.shape} classes",
                    hint="Scores of classes need sparse_y_pred=False (one-hot labels sparse_y_true=False).",
                )
            )
        if not isinstance(true, jax.core.Tracer):
            self._check_labels(np.asarray(true), self._classes)
        weights = jnp.asarray(1 if sample_weight is None else sample_weight)
        if weights.ndim and weights.size != true.size:  # one weight for several elements
            values, weights = align(weights, true, f"'{self.name}'")
            weights = jnp.broadcast_to(weights, values.shape)
        true, pred = (v.reshape(-1).astype("int32") for v in (true, pred))
        if dtypes.is_float(weights.dtype) and not dtypes.is_float(self.dtype):
            warnings.warn(
                f"{type(self).__name__} counts in {self.dtype}: fractions of weights are dropped. Use dtype='float32'.",
                stacklevel=2,
            )
        weights = jnp.broadcast_to(weights.reshape(-1) if weights.ndim else weights, true.shape).astype(self.dtype)
        counts = (true >= 0) & (true < self._classes) & (pred >= 0) & (pred < self._classes)
        if self._ignore_class is not None:
            counts &= true != self._ignore_class
        true, pred, weights = (jnp.where(counts, v, 0) for v in (true, pred, weights))
        self.total_cm.assign(self.total_cm.value.at[true, pred].add(weights))

    def result(self) -> Array:
        matrix = self.total_cm.value
        tp = jnp.diag(matrix)
        union = jnp.sum(matrix, axis=0) + jnp.sum(matrix, axis=1) - tp
        tp, union = (v[jnp.asarray(self._targets)].astype("float32") for v in (tp, union))
        present = union > 1e-9  # classes that do not occur are left out
        epsilon = settings.epsilon()
        return jnp.sum(jnp.where(present, tp / (union + epsilon), 0.0)) / (jnp.sum(present) + epsilon)


class IoU(_IoU):
    """Mean intersection over union of some classes:  mean(TP / (TP + FP + FN)).

    Args:
        num_classes: Number of classes.
        target_class_ids: Indices of the classes whose IoU is averaged.
        name: Name in logs.
        dtype: Dtype of the confusion matrix; integers by default.
        ignore_class: Label whose elements are left out; None for no such label.
        sparse_y_true: Whether y_true are class indices; else one-hot rows.
        sparse_y_pred: Whether y_pred are class indices; else scores, whose largest along `axis` is the class.
        axis: The axis of the classes.

    Raises:
        ArgumentError: If a class index is not below `num_classes`.

    Example:
        >>> round(float(IoU(2, [0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
        0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Iterable[int],
        name: str | None = None,
        dtype: PolicyLike = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype or "int", name)
        self._configure(num_classes, target_class_ids, ignore_class, sparse_y_true, sparse_y_pred, axis)


class BinaryIoU(_IoU):
    """Mean intersection over union of the classes 0 and 1, where  y_pred >= threshold  is class 1.

    Args:
        target_class_ids: Indices of the classes whose IoU is averaged.
        threshold: Smallest prediction that is class 1.
        name: Name in logs.
        dtype: Dtype of the confusion matrix; integers by default.

    Example:
        >>> round(float(BinaryIoU(target_class_ids=(1,))([0, 0, 1, 1], [0.1, 0.6, 0.3, 0.9])), 4)
        0.3333
    """

    def __init__(
        self,
        target_class_ids: Iterable[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(dtype or "int", name)
        self._configure(2, target_class_ids)

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        super().update_state(y_true, jnp.asarray(y_pred, "float32") >= self.threshold, sample_weight)


class MeanIoU(_IoU):
    """Mean intersection over union of all classes:  mean(TP / (TP + FP + FN)).

    Args:
        num_classes: Number of classes.
        name: Name in logs.
        dtype: Dtype of the confusion matrix; integers by default.
        ignore_class: Label whose elements are left out; None for no such label.
        sparse_y_true: Whether y_true are class indices; else one-hot rows.
        sparse_y_pred: Whether y_pred are class indices; else scores, whose largest along `axis` is the class.
        axis: The axis of the classes.

    Example:
        >>> round(float(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
        0.3333
    """

    _aliases = ("mean_iou",)

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: PolicyLike = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype or "int", name)
        self._configure(num_classes, range(num_classes), ignore_class, sparse_y_true, sparse_y_pred, axis)


class OneHotIoU(_IoU):
    """Mean intersection over union of some classes, for one-hot labels.

    Args:
        num_classes: Number of classes.
        target_class_ids: Indices of the classes whose IoU is averaged.
        name: Name in logs.
        dtype: Dtype of the confusion matrix; integers by default.
        ignore_class: Label whose elements are left out; None for no such label.
        sparse_y_pred: Whether y_pred are class indices; else scores, whose largest along `axis` is the class.
        axis: The axis of the classes.

    Raises:
        ArgumentError: If a class index is not below `num_classes`.

    Example:
        >>> round(float(OneHotIoU(2, (1,))([[0.0, 1.0]], [[0.3, 0.7]])), 4)
        1.0
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Iterable[int],
        name: str | None = None,
        dtype: PolicyLike = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype or "int", name)
        self._configure(num_classes, target_class_ids, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(_IoU):
    """Mean intersection over union of all classes, for one-hot labels.

    Args:
        num_classes: Number of classes.
        name: Name in logs.
        dtype: Dtype of the confusion matrix; integers by default.
        ignore_class: Label whose elements are left out; None for no such label.
        sparse_y_pred: Whether y_pred are class indices; else scores, whose largest along `axis` is the class.
        axis: The axis of the classes.

    Example:
        >>> round(float(OneHotMeanIoU(2)([[0.0, 1.0]], [[0.3, 0.7]])), 4)
        1.0
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: PolicyLike = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype or "int", name)
        self._configure(num_classes, range(num_classes), ignore_class, False, sparse_y_pred, axis)
