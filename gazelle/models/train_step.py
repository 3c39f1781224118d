"""The step of a model in methods that a subclass may write anew: train_step, test_step, predict_step, compute_loss,
compute_metrics. A model that writes none of them is trained by `training.step`, which computes the same.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gazelle import metrics, ops
from gazelle.core.gradients import value_and_grad
from gazelle.core.tensor_wrapper import wrapper_class
from gazelle.core.variable import Variable
from gazelle.data.arrays import unpack_x_y_sample_weight
from gazelle.layers.base import Layer
from gazelle.models import step_methods, tracking
from gazelle.training.metrics_state import CompileMetrics
from gazelle.training.total_loss import TotalLoss

HOOKS = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics")


class Hooks(Layer, abstract=True):
    """The part of a model that computes one step. A step has one of two forms, told by its arguments:

    - `train_step(self, data) -> logs` reads and assigns variables: weights, metrics, optimizers in attributes.
    - `train_step(self, state, data) -> (logs, state)` is pure; state is the values of (`trainable_variables`,
      `non_trainable_variables`, `optimizer.variables`, `metrics_variables`). `test_step` has no optimizer's,
      `predict_step` also no metrics'.

    Either way `fit` runs it as one compiled program over many batches.

    >>> class Mine(gazelle.Model):
    ...     def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
    ...         return gazelle.ops.mean(gazelle.ops.abs(y - y_pred))
    >>> inputs = gazelle.Input((3,))
    >>> model = Mine(inputs, layers.Dense(1, kernel_initializer="zeros")(inputs))
    >>> model.compile("sgd")
    >>> model.evaluate(np.ones((2, 3)), np.ones((2, 1)), verbose=0)
    1.0
    """

    _graph: Any
    _compiled: dict[str, Any] | None
    _trackers: dict[str, Any]  # name of a loss -> the `Mean` of it
    _compile_metrics: CompileMetrics | None
    _finished: Any = 0

    def _has_call(self) -> bool:
        raise NotImplementedError

    @property
    def optimizer(self) -> Any:
        raise NotImplementedError

    def train_step(self, *given: Any) -> Any:
        """(data) -> logs, or (state, data) -> (logs, state): one update."""
        if len(given) == 2:
            return step_methods.as_pure(self, functools.partial(Hooks.train_step, self), step_methods.TRAIN, *given)
        x, y, weight = unpack_x_y_sample_weight(given[0])
        variables = self.trainable_variables

        def loss() -> Any:
            y_pred = self(x, training=True)
            value = self._loss_of(x, y, y_pred, weight, True)
            return self.optimizer.scale_loss(value), (value, y_pred)

        (_, (value, y_pred)), grads = value_and_grad(loss, variables)
        self.optimizer.apply(grads, variables)
        self._track("loss", value, x)
        return self.compute_metrics(x, y, y_pred, weight)

    def test_step(self, *given: Any) -> Any:
        """(data) -> logs, or (state, data) -> (logs, state): loss and metrics of a batch that is not trained on."""
        if len(given) == 2:
            return step_methods.as_pure(self, functools.partial(Hooks.test_step, self), step_methods.TEST, *given)
        x, y, weight = unpack_x_y_sample_weight(given[0])
        y_pred = self(x, training=False)
        self._track("loss", self._loss_of(x, y, y_pred, weight, False), x)
        return self.compute_metrics(x, y, y_pred, weight)

    def predict_step(self, *given: Any) -> Any:
        """(data) -> outputs, or (state, data) -> (outputs, non_trainable_variables)."""
        if len(given) == 2:
            out, (_, fixed) = step_methods.as_pure(
                self, functools.partial(Hooks.predict_step, self), step_methods.PREDICT, *given
            )
            return out, fixed
        return self(unpack_x_y_sample_weight(given[0])[0], training=False)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss given to `compile`, plus `losses`: what layers added, and the penalties of regularizers."""
        return self._compute(y, y_pred, sample_weight, self.losses)

    def stateless_compute_loss(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """(`compute_loss`, values of the three kinds of variables after it) from values of them, for loops of your own;
        the outputs come from `stateless_call`."""
        given = (trainable_variables, non_trainable_variables, metrics_variables)
        loss = lambda data: self._loss_of(x, data[0], data[1], sample_weight, training)  # noqa: E731
        return step_methods.as_pure(self, loss, step_methods.TEST, given, (y, y_pred))

    def _compute(self, y: Any, y_pred: Any, weight: Any, added: Sequence[Any]) -> Any:
        box = wrapper_class((y, y_pred, weight, added))
        if box is not None:
            return box.dispatch(self._compute, (y, y_pred, weight, added), {})
        words = self._compiled or {}
        if words.get("loss") is None:
            return sum((jnp.sum(jnp.asarray(value)) for value in added), jnp.zeros(()))
        names = self._graph.output_names if self._graph is not None else None
        total, parts = TotalLoss(words["loss"], words.get("loss_weights"), names, {})(y, y_pred, weight, {}, [*added])
        for name in [name for name in parts if name != "loss"]:
            self._track(name, parts[name], y_pred)
        return total

    def _loss_of(self, x: Any, y: Any, y_pred: Any, weight: Any, training: bool) -> Any:
        known = inspect.signature(self.compute_loss).parameters.values()
        any_word = any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in known)
        words = {"training": training} if any_word else {}
        return self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight, **words)

    def _track(self, name: str, value: Any, like: Any) -> None:
        """Count a loss into its mean, by the number of samples."""
        tracker = self._trackers.setdefault(name, None) or metrics.Mean(name)
        self._trackers[name] = tracker
        tracker.update_state(ops.stop_gradient(value), sample_weight=jax.tree.leaves(like)[0].shape[0])

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """One more batch for the metrics given to `compile`; returns what all metrics amount to."""
        self.compiled_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    @property
    def compiled_loss(self) -> Callable[..., Any]:
        """`(y, y_pred, sample_weight=None, regularization_losses=())` -> the loss given to `compile`, as it is counted
        in the logs: for steps in the words of Keras 2."""

        def loss(y: Any, y_pred: Any, sample_weight: Any = None, regularization_losses: Any = ()) -> Any:
            value = self._compute(y, y_pred, sample_weight, [*(regularization_losses or ())])
            self._track("loss", value, y_pred)
            return value

        return loss

    @property
    def compiled_metrics(self) -> Any:
        """The metrics given to `compile`: `update_state(y, y_pred, sample_weight)` counts a batch."""
        return self._compile_metrics if self._compile_metrics is not None else _Nothing()

    @property
    def metrics(self) -> list[Any]:
        """The loss, the metrics given to `compile` as one, and those in attributes of the model and its layers."""
        return [*(tracking.compiled(self) if self._compiled is not None else ()), *tracking.metrics(self)]

    @property
    def metrics_variables(self) -> list[Variable]:
        return [variable for metric in self.metrics for variable in metric.variables]

    def get_metrics_result(self) -> dict[str, Any]:
        """{name: value} of `metrics`."""
        out: dict[str, Any] = {}
        for metric in self.metrics:
            result = metric.result()
            out |= result if isinstance(result, Mapping) else {metric.name: result}
        return out

    def _with_state(self, name: str, parts: Sequence[str]) -> Callable[[Any], Any]:
        """The step of this name as a function of data that reads and assigns variables, whichever form it has."""
        step = getattr(self, name)
        return step_methods.with_state(self, name, parts) if step_methods.has_two_arguments(step) else step

    def _restore_held(self, values: Mapping[str, Any], step: Any) -> list[str]:
        return tracking.restore(self, values, step)

    def _writes_steps(self) -> bool:
        """Whether the model has a step of its own, or metrics that its layers count."""
        return any(getattr(type(self), name) is not getattr(Hooks, name) for name in HOOKS) or bool(
            tracking.metrics(self)
        )


class _Nothing:
    """The metrics of a model that was given none."""

    def update_state(self, *args: Any, **kwargs: Any) -> None: ...
