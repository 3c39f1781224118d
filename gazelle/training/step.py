"""The compiled step: one batch from the state to the next state.

`LossStep` is the step of a model that is trained by its compiled loss; `custom_step.CustomStep` that of a model that
overrides `train_step`. `Programs` compiles either of them into a loop over batches, and `Trainer` runs the loop.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import conventions, tracing
from gazelle.core.attachments import attached_to, with_attached
from gazelle.core.replaced_methods import MethodSnapshot
from gazelle.core.variable import Variable
from gazelle.ops.platforms import conditional
from gazelle.optimizers.learning_rate import least_rate
from gazelle.training.compile_metrics import CompileMetrics
from gazelle.training.metrics_state import MetricsState
from gazelle.training.outputs import keep_order
from gazelle.training.state import State
from gazelle.training.total_loss import TotalLoss

if TYPE_CHECKING:
    from gazelle.core.types import Array, Tree

Batch = tuple[Any, Any, Any]  # x, y, sample weight


@dataclasses.dataclass
class ModelSpec:
    """What the step of a model is made of.

    Attributes:
        call: the model as a function `(x) -> y_pred` that reads and assigns `variables`.
        variables: {path: variable} of the model; tracing adds others that the losses read.
        names: {id(layer): path}, from which random numbers are drawn.
        trainable: paths of the variables that the optimizer changes.
        outputs: names of the outputs; None if the model has no graph.
        methods: the methods of the model, its layers, losses, metrics and optimizer that the step is traced from.
        read: the step counter and the learning rate of the optimizer, if user-defined functions may read them.
        training: the mode in which the step calls the model; None: that of inference.
        reports_in_training: whether layers may call `add_metric` in training only.
        optimizer, loss, loss_weights, metrics, weighted_metrics, run_eagerly: the arguments of `compile`.
    """

    call: Callable[..., Any]
    variables: dict[str, Variable]
    names: Mapping[int, str]
    trainable: set[str]
    outputs: list[str] | None
    methods: MethodSnapshot
    read: Mapping[str, Variable]
    training: bool | None
    reports_in_training: bool
    optimizer: Any = None
    loss: Any = None
    loss_weights: Any = None
    metrics: Any = None
    weighted_metrics: Any = None
    run_eagerly: bool = False


@dataclasses.dataclass
class TraceInfo:
    """What tracing one batch showed.

    Attributes:
        y_pred: pytree of shapes and dtypes of the outputs.
        losses: names of the losses in the logs.
        reports: names of the values of `add_metric`.
        assigned: paths of the variables that layers assign outside of training.
    """

    y_pred: Any
    losses: list[str]
    reports: list[str]
    assigned: list[str]


class Step(Protocol):
    """The computation of one batch as pure functions of arrays."""

    metrics: MetricsState
    variables: dict[str, Variable]

    def is_current(self) -> bool:
        """Whether the methods that it is traced from are those of its creation."""
        ...

    def train(self, state: State, force: Array, batch: Batch) -> tuple[State, Any]:
        """One update: (state, whether it was applied)."""
        ...

    def test(self, carry: tuple[Any, ...], fixed: tuple[Any, ...], batch: Batch) -> tuple[Any, Any]:
        """One batch without training: (totals, assigned, count), (values, key) -> (the former, True)."""
        ...

    def predict(self, values: Mapping[str, Any], key: Array, x: Tree, count: Array) -> tuple[Any, Any]:
        """(outputs, {path: array} of the variables that layers assigned)."""
        ...


def inference_key(key: jax.Array, count: Array) -> jax.Array:
    """The key of a batch outside of training, for layers that draw there too; distinct from the keys of training."""
    return jax.random.fold_in(jax.random.fold_in(key, 2**31), count)


def changed_values(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The values of `before` that a call assigned: the others are the very same arrays."""
    return {path: value for path, value in after.items() if path in before and value is not before[path]}


def signature(tree: Tree) -> Hashable:
    """Equal for pytrees of equal structure, shapes and dtypes."""
    leaves, structure = jax.tree.flatten(tree)
    return structure, tuple([(tuple(leaf.shape), str(leaf.dtype)) for leaf in leaves])


class LossStep:
    """The step of a model that minimizes the loss given to `compile`.

    Args:
        spec: what the step is made of.
    """

    def __init__(self, spec: ModelSpec) -> None:
        trained = {path: v for path, v in spec.variables.items() if path in spec.trainable}
        penalized = spec.variables if conventions.active.frozen_weights_are_penalized else trained
        regularizers = {p: v.regularizer for p, v in penalized.items() if v.regularizer is not None}
        self.spec, self.variables = spec, spec.variables
        self.constraints = {p: v.constraint for p, v in trained.items() if v.constraint is not None}
        self.forward = tracing.functionalize(spec.call, spec.variables, spec.names)
        self.objective = TotalLoss(spec.loss, spec.loss_weights, spec.outputs, regularizers)
        self.metrics = MetricsState(
            CompileMetrics(spec.metrics, spec.weighted_metrics, spec.outputs, spec.loss), spec.read, spec.variables
        )

    def is_current(self) -> bool:
        """Return whether the methods that the step is traced from are those of its creation."""
        return self.spec.methods.is_current()

    def train(self, state: State, force: Array, batch: Batch) -> tuple[State, Any]:
        """Update the parameters by the gradient of the loss of a batch.

        If the loss is not finite or the learning rate not valid, and `force` is False, parameters, buffers and slots
        are unchanged and `applied` is False. The metrics count the batch in any case.

        Args:
            state: the state before the step.
            force: apply the update even if the loss is NaN or infinite.
            batch: (x, y, sample_weight).

        Returns:
            (state, applied).
        """
        x, y, weight = batch
        key = state.random_key()
        optimizer = self.spec.optimizer

        def loss(params: Any) -> Any:
            y_pred, values, added = self.forward(params | state.buffers, x, key=key, training=self.spec.training)
            with self._bound(values, self._read(state.step, state.hyper)):
                value, parts = self.objective(y, y_pred, weight, values, added)
            buffers = {path: values[path] for path in state.buffers}
            start = changed_values(params, values) if conventions.active.assigned_weights_are_trained else {}
            aux = parts, buffers, y_pred, attached_to(y_pred), _tensors(added), start
            return optimizer.scale_loss(value, state.slots), aux

        grads, (parts, buffers, y_pred, attached, known, start) = jax.grad(loss, has_aux=True)(state.params)
        start = state.params | start
        read = self._read(state.step + 1, state.hyper)
        least = least_rate()
        valid = [rate >= least for rate in optimizer.rates(state.slots, state.hyper, state.step)]  # NaN is not
        applied = (jnp.isfinite(parts["loss"]) & jnp.all(jnp.asarray(valid))) | force

        def update() -> Any:
            params, slots = optimizer.update(
                start, grads, state.slots, state.hyper, state.step, constraints=self.constraints
            )
            return params, buffers, slots, state.step + 1

        def skip() -> Any:
            return state.params, state.buffers, state.slots, state.step

        params, buffers, slots, count = conditional(applied, update, skip)
        weights = params | buffers  # metrics that read them are computed after the update, as in Keras
        y_pred = with_attached(y_pred, attached)
        totals = self.metrics.update(state.totals, parts, y, y_pred, weight, x, read, known, weights)
        return State(params, buffers, slots, totals, state.hyper, state.key, count), applied

    def test(self, carry: tuple[Any, ...], fixed: tuple[Any, ...], batch: Batch) -> tuple[Any, Any]:
        """Accumulate the metrics of a batch that is not trained on.

        Args:
            carry: (totals, {path: array} of the variables that layers assign outside of training, count of batches).
            fixed: (values of all variables and of `spec.read`, key).
            batch: (x, y, sample_weight).

        Returns:
            (carry, True).
        """
        (totals, assigned, count), (values, key) = carry, fixed
        x, y, weight = batch
        read = {name: value for name, value in values.items() if name in self.spec.read}
        values = {path: value for path, value in values.items() if path not in read}
        y_pred, after, added = self.forward(values | assigned, x, key=inference_key(key, count), training=False)
        with self._bound(after, read):
            _, parts = self.objective(y, y_pred, weight, after, added)
        totals = self.metrics.update(totals, parts, y, y_pred, weight, x, read, _tensors(added), after)
        return (totals, {path: after[path] for path in assigned}, count + 1), jnp.bool_(True)

    def predict(self, values: Mapping[str, Any], key: Array, x: Tree, count: Array) -> tuple[Any, Any]:
        """Compute the outputs of a batch.

        Args:
            values: {path: array} of all variables.
            key: the key of the run.
            x: the inputs.
            count: number of batches that were predicted before.

        Returns:
            (outputs, {path: array} of the variables that layers assigned).
        """
        y_pred, after, _ = self.forward(values, x, key=inference_key(key, count), training=False)
        return keep_order(y_pred), self._kept_values(values, after)

    def _kept_values(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
        """The values that a call assigned outside of training and that remain; those of trained weights do not."""
        changed = changed_values(before, after)
        if conventions.active.assigned_weights_are_trained:
            return changed
        return {path: value for path, value in changed.items() if path not in self.spec.trainable}

    def trace(self, batch: Tree) -> TraceInfo:
        """Trace a batch (x, y, sample_weight) without computing it, unless the step runs eagerly."""
        variables = self.spec.variables.items()
        info = TraceInfo(None, [], [], [])
        seen: dict[int, Variable] = {}

        def traced(values: Any, batch: Any) -> None:
            x, y, weight = batch
            if self.spec.reports_in_training:
                _, _, added = self.forward(values, x, key=jax.random.key(0), training=True)
                info.reports = [name for name in added.reports if isinstance(name, str)]
            y_pred, after, added = self.forward(values, x, key=jax.random.key(0), training=False)
            info.y_pred = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), y_pred)
            info.assigned = list(self._kept_values(values, after))
            with self._bound(after, {}, seen):
                _, parts = self.objective(y, y_pred, weight, after, added)
            info.losses = [name for name in parts if name not in self.objective.reported]
            reported = dict.fromkeys([*info.reports, *self.objective.reported])
            info.reports = [name for name in reported if name not in info.losses]

        if self.spec.run_eagerly:
            traced({p: v.value for p, v in variables}, jax.tree.map(jnp.asarray, batch))
        else:
            values = {p: jax.ShapeDtypeStruct(v.shape, np.dtype(v.dtype)) for p, v in variables}
            jax.eval_shape(traced, values, jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), batch))
        known = {id(v) for v in (*self.spec.variables.values(), *self.spec.read.values())}
        others = [v for v in seen.values() if id(v) not in known]
        self.spec.variables.update({f"loss/{len(known) + i}": v for i, v in enumerate(others)})
        return info

    def _read(self, step: Any, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """The values of `spec.read`."""
        rate = [hyper["learning_rate"]] if "learning_rate" in hyper else []
        return dict(zip(self.spec.read, (step, *rate), strict=False))

    def _bound(self, values: Mapping[str, Any], read: Mapping[str, Any], seen: Any = None) -> Any:
        """A context in which losses read these values from variables, not those that the variables have now."""
        variables = {**self.spec.variables, **self.spec.read}
        bound = {id(variables[path]): value for path, value in {**values, **read}.items()}
        return tracing.entered(tracing.TraceContext(values=bound, closed=True, seen=seen))


def _tensors(added: Any) -> dict[int, Any]:
    """The values of tensors of the graph that losses and metrics use, as `bind_symbolic` takes them."""
    return {id(key): value for key, value in added.reports.items() if not isinstance(key, str)}
