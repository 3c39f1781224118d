"""The callback that finds a learning rate by a short training with increasing rates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.traceback import warn
from gazelle.core.types import PathLike
from gazelle.training.callbacks.base import Callback
from gazelle.training.callbacks.learning_rate import rate_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class LearningRateFinder(Callback):
    """Trains some batches with increasing learning rates, and suggests the one at which the loss falls fastest.

    The rate of batch i is  min_rate (max_rate / min_rate)^(i / (steps - 1)). The losses are smoothed by an exponential
    moving average. Use it before the training: where a trained model's loss no longer falls, its noise decides.
    The training ends after `steps` batches, or when the smoothed loss is `stop_factor` times its
    minimum or no number. Then weights, optimizer and learning rate are restored, so the model is as before.

    Args:
        min_rate: the first learning rate.
        max_rate: the learning rate of the last batch.
        steps: the number of batches; `fit` needs enough epochs for them.
        smoothing: the factor of the moving average, from 0 (none) to below 1.
        stop_factor: the factor above the minimum at which the training ends.

    Attributes:
        rates: the learning rates of the batches.
        losses: the smoothed losses.
        suggestion: the suggested learning rate; None before `fit`, or if the loss never fell.

    Raises:
        ArgumentError: the rates do not increase, or a number is out of range.
        StateError: the model has no optimizer with a constant learning rate.

    Source: Smith, "Cyclical Learning Rates for Training Neural Networks", 2017.

    >>> model = gazelle.Sequential([gazelle.Input((2,)), gazelle.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = np.linspace(-1, 1, 64).reshape(32, 2)
    >>> finder = LearningRateFinder(1e-4, 1, steps=20)
    >>> history = model.fit(x, x @ [[1.0], [2.0]], batch_size=8, epochs=5, callbacks=[finder], verbose=0)
    >>> len(finder.rates)
    20
    >>> 1e-4 < finder.suggestion < 1
    True
    """

    def __init__(
        self,
        min_rate: float = 1e-6,
        max_rate: float = 1.0,
        steps: int = 100,
        smoothing: float = 0.8,
        stop_factor: float = 4.0,
    ) -> None:
        for name, value, fits, expected in (
            ("min_rate", min_rate, 0 < min_rate < max_rate, f"above 0 and below max_rate={max_rate}"),
            ("steps", steps, steps >= 3, "of at least 3"),
            ("smoothing", smoothing, 0 <= smoothing < 1, "from 0 to below 1"),
            ("stop_factor", stop_factor, stop_factor > 1, "above 1"),
        ):
            if not fits:
                raise ArgumentError(message(f"LearningRateFinder's {name}", expected=f"a number {expected}", got=value))
        self.min_rate, self.max_rate, self.steps = min_rate, max_rate, steps
        self.smoothing, self.stop_factor = smoothing, stop_factor
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.suggestion: float | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        rate_of(self)  # raises if there is none
        optimizer = self.model.optimizer
        optimizer.build(list(self.model.trainable_variables))
        self._variables = [*self.model.variables, *optimizer.variables]
        self._before = [np.array(variable.numpy()) for variable in self._variables]
        self.rates, self.losses, self.suggestion = [], [], None
        self._average, self._epoch_loss, self._epochs = 0.0, 0.0, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epochs += 1

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        fraction = min(len(self.rates) / (self.steps - 1), 1.0)
        self._rate = self.min_rate * (self.max_rate / self.min_rate) ** fraction
        rate_of(self).assign(self._rate)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        mean = float(np.mean((logs or {})["loss"]))  # of the batches of the epoch so far
        loss = mean * (batch + 1) - self._epoch_loss * batch
        self._epoch_loss = mean
        self._average = self.smoothing * self._average + (1 - self.smoothing) * loss
        smoothed = self._average / (1 - self.smoothing ** (len(self.rates) + 1))
        if not math.isfinite(smoothed) or smoothed > self.stop_factor * min([*self.losses, smoothed]):
            self.model.stop_training = True
            return
        self.rates.append(self._rate)
        self.losses.append(smoothed)
        if len(self.rates) >= self.steps:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        for variable, value in zip(self._variables, self._before, strict=True):
            variable.assign(value)
        self.suggestion = _steepest(self.rates, self.losses)
        tried = len(self.rates)
        if tried and not self.model.stop_training:  # fit ended first
            epochs = math.ceil(self.steps * self._epochs / tried)
            hint = f"Give fit more epochs, for instance epochs={epochs}, or use LearningRateFinder(steps={tried})."
            got = f"{tried} batches"
            warn(
                message(
                    "LearningRateFinder tried few learning rates", expected=f"{self.steps} batches", got=got, hint=hint
                )
            )

    def plot(self, path: PathLike | None = None) -> Figure:
        """Plot the loss over the learning rate, with a mark at the suggestion.

        Args:
            path: a file to save the figure to.

        Returns:
            The figure of matplotlib.

        Raises:
            StateError: no batch was trained yet.
            ImportError: matplotlib is not installed.
        """
        if not self.rates:
            hint = "Pass the finder to model.fit(..., callbacks=[finder]) first."
            raise StateError(message("LearningRateFinder has nothing to plot yet", hint=hint))
        try:
            from matplotlib import pyplot
        except ImportError:
            raise ImportError('finder.plot() needs matplotlib.\nInstall it: pip install "gazelle[plot]"') from None

        figure, axis = pyplot.subplots(figsize=(5, 3.4), layout="constrained")
        axis.plot(self.rates, self.losses)
        axis.set(xscale="log", xlabel="learning rate", ylabel="loss (smoothed)")
        if self.suggestion is not None:
            at = self.rates.index(self.suggestion)
            axis.plot(self.suggestion, self.losses[at], "o", label=f"suggestion: {self.suggestion:.2g}")
            axis.legend()
        axis.grid(alpha=0.3)
        if path is not None:
            figure.savefig(path)
        return figure


def _steepest(rates: list[float], losses: list[float]) -> float | None:
    """The rate before the minimum at which the loss falls fastest over the logarithm of the rate.

    The gradients are those of lines fitted to some neighbours, since the losses of single batches vary.
    """
    end = int(np.argmin(losses)) + 1 if losses else 0
    reach = max(1, end // 8)
    if end < 2 * reach + 1:
        return None
    x, y = np.log(rates[:end]), np.asarray(losses[:end])
    centers = range(reach, end - reach)
    gradients = [np.polyfit(x[i - reach : i + reach + 1], y[i - reach : i + reach + 1], 1)[0] for i in centers]
    best = int(np.argmin(gradients))
    return rates[centers[best]] if gradients[best] < 0 else None
