"""The callback that looks at the averages of the weights where the optimizer keeps them."""

from __future__ import annotations

from typing import Any

from gazelle.core.errors import StateError, message
from gazelle.training.callbacks.base import Callback


class SwapEMAWeights(Callback):
    """Exchanges the weights with their moving averages while the model is evaluated or predicts.

    The optimizer must be made with `use_ema=True`. The averages go back before training goes on.

    Args:
        swap_on_epoch: exchange at the end of each epoch too, so that what a later callback saves has the averages;
            after the last epoch they stay.

    Errors: StateError when the optimizer keeps no averages.

    >>> SwapEMAWeights(swap_on_epoch=True).swap_on_epoch
    True
    """

    _kept = ("_swapped",)

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
                    expected="an optimizer made with use_ema=True",
                    got=repr(optimizer),
                    hint="For example Adam(use_ema=True, ema_momentum=0.99).",
                )
            )
        return [(w, found[optimizer.key_of(w)]) for w in weights if optimizer.key_of(w) in found]

    def _put(self, swapped: bool) -> None:
        if swapped != self._swapped:
            for weight, average in self._pairs():
                value = weight.numpy()
                weight.assign(average.numpy())
                average.assign(value)
            self._swapped = swapped

    def on_train_begin(self, logs: Any = None) -> None:
        self._pairs()  # says so where there are no averages

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.swap_on_epoch:
            self._put(False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if not self.swap_on_epoch:
            return
        self._put(True)
        last = (self.params or {}).get("epochs") == epoch + 1 or getattr(self.model, "stop_training", False)
        if last:  # both are the averages from now on
            for weight, average in self._pairs():
                average.assign(weight.numpy())
            self._swapped = False

    def on_test_begin(self, logs: Any = None) -> None:
        self._put(True)

    def on_test_end(self, logs: Any = None) -> None:
        self._put(False)

    def on_predict_begin(self, logs: Any = None) -> None:
        self._put(True)

    def on_predict_end(self, logs: Any = None) -> None:
        self._put(False)
