"""The sums of `tf.metrics` of TensorFlow 1 in a function that is a metric of `compile`; nothing resets them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core.context_variables import assigned
from gazelle.core.types import Shape
from gazelle.core.variable import Variable
from gazelle.metrics import MeanMetricWrapper


class RunningSums:
    """The sums of the calls of `tf.metrics` in one function, which is a metric of `compile`."""

    def __init__(self) -> None:
        self.of_calls: list[list[Variable]] = []
        self._called = 0

    def used(self) -> AbstractContextManager[None]:
        """While the function runs: its calls get the sums in their order."""
        self._called = 0
        return assigned(owner, self)

    def of_next_call(self, shapes: Sequence[jax.ShapeDtypeStruct]) -> list[Variable]:
        """The sums of the next call."""
        if self._called == len(self.of_calls):
            self.of_calls.append([Variable(np.zeros(one.shape, "float32"), trainable=False) for one in shapes])
        self._called += 1
        return self.of_calls[self._called - 1]


#: those of the function that runs
owner: ContextVar[RunningSums | None] = ContextVar("gazelle_running_sums", default=None)


class RunningMetric(MeanMetricWrapper, abstract=True):
    """The metric of a function that may call `tf.metrics` of TensorFlow 1."""

    _running: RunningSums | None = None

    def _build(self, y_true_shape: Shape | None, y_pred_shape: Shape) -> None:
        super()._build(y_true_shape, y_pred_shape)
        arrays = [jnp.zeros([1 if n is None else n for n in shape or ()]) for shape in (y_true_shape, y_pred_shape)]
        running = RunningSums()
        with contextlib.suppress(Exception), running.used():  # the training step raises it, with the real data
            self._call(*arrays)
        if running.of_calls:
            self._running, self._sums_of_calls = running, running.of_calls
            for variable in (v for sums in running.of_calls for v in sums):
                variable.assign(jnp.zeros(variable.shape))
            vars(self)["reset_state"] = self._reset_mean

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        with contextlib.nullcontext() if self._running is None else self._running.used():
            super().update_state(*args, **kwargs)

    def _reset_mean(self) -> None:
        for variable in (self.total, self.count):
            variable.assign(jnp.zeros((), variable.dtype))
