"""The callback that evaluates the model with moving averages of its weights."""

from __future__ import annotations

from typing import Any

from gazelle.core.errors import StateError, message
from gazelle.training.callbacks.base import Callback


class SwapEMAWeights(Callback):
    """Swaps the weights with their exponential moving averages (EMA) during evaluation and prediction.

    The optimizer must have `use_ema=True`. The weights are swapped back before training continues.

    Args:
        swap_on_epoch: swap at the end of each epoch too, so that later callbacks save the averages; after the last
            epoch the model keeps them.

    Raises:
        StateError: the optimizer has no averages.

    >>> SwapEMAWeights(swap_on_epoch=True).swap_on_epoch
    True
    """

    _state_attributes = ("_swapped",)

    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch, self._swapped = swap_on_epoch, False

    def _pairs(self) -> list[tuple[Any, Any]]:
        """(weight, its average) as variables."""
        optimizer, weights = self.model.optimizer, list(self.model.trainable_variables)
        optimizer.build(weights)
        found = optimizer.averages()
        if not found:
            raise StateError(
                message(
                    "SwapEMAWeights found no averages",
                    expected="an optimizer with use_ema=True",
                    got=repr(optimizer),
                    hint="For example Adam(use_ema=True, ema_momentum=0.99).",
                )
            )
        return [(w, found[optimizer.key_of(w)]) for w in weights if optimizer.key_of(w) in found]

    def _swap(self, swapped: bool) -> None:
        if swapped != self._swapped:
            for weight, average in self._pairs():
                value = weight.numpy()
                weight.assign(average.numpy())
                average.assign(value)
            self._swapped = swapped

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._pairs()  # raises if there are no averages

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not self.swap_on_epoch:
            return
        self._swap(True)
        last = (self.params or {}).get("epochs") == epoch + 1 or getattr(self.model, "stop_training", False)
        if last:  # both become the averages
            for weight, average in self._pairs():
                average.assign(weight.numpy())
            self._swapped = False

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._swap(True)

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        self._swap(False)

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._swap(True)

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        self._swap(False)
