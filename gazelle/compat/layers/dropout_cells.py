"""Dropout masks of user-defined recurrent cells, which are equal for all time steps of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gazelle.compat import backend as K  # noqa: N812 - the usual name in programs
from gazelle.compat.private.helpers import generate_dropout_mask
from gazelle.compat.types import TensorLike, TensorResult


class ContextValueCache:
    """Values by context, which `default_factory` creates.

    Nothing has to be stored: the loop over time steps runs one traced call of the cell, so all steps have the same
    values.
    """

    def __init__(self, default_factory: Callable[..., TensorResult] | None) -> None:
        self.default_factory = default_factory

    def setdefault(
        self, key: object = None, default: TensorResult | None = None, kwargs: Mapping[str, TensorLike] | None = None
    ) -> TensorResult:
        """Return the default, or what `default_factory` returns for the keyword arguments."""
        return default if default is not None or self.default_factory is None else self.default_factory(**kwargs or {})

    def clear(self) -> None:
        """Do nothing: nothing is stored."""


class DropoutRNNCellMixin:
    """Base class of cells with the rates `dropout` and `recurrent_dropout`.

    >>> class Cell(DropoutRNNCellMixin):
    ...     dropout = 0.5
    >>> Cell().get_dropout_mask_for_cell(np.ones((2, 3)), training=False).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    dropout_mask_count = 1

    def reset_dropout_mask(self) -> None:
        """Do nothing: masks are drawn in each call."""

    reset_recurrent_dropout_mask = reset_dropout_mask

    def get_dropout_mask_for_cell(self, inputs: TensorLike, training: bool | None, count: int = 1) -> TensorResult:
        """Return the mask of the inputs, in a list if there are several; None without dropout."""
        return generate_dropout_mask(K.ones_like(inputs), self.dropout, training, count) if self.dropout else None

    def get_recurrent_dropout_mask_for_cell(
        self, inputs: TensorLike, training: bool | None, count: int = 1
    ) -> TensorResult:
        """Return the mask of the state, in a list if there are several; None without dropout."""
        rate = self.recurrent_dropout
        return generate_dropout_mask(K.ones_like(inputs), rate, training, count) if rate else None

    def get_dropout_mask(self, step_input: TensorLike) -> TensorResult:
        """Return the mask of the inputs in training, as cells of Keras 3 read it."""
        return self.get_dropout_mask_for_cell(step_input, True, getattr(self, "dropout_mask_count", 1))

    def get_recurrent_dropout_mask(self, step_input: TensorLike) -> TensorResult:
        """Return the mask of the state in training."""
        return self.get_recurrent_dropout_mask_for_cell(step_input, True, getattr(self, "dropout_mask_count", 1))
